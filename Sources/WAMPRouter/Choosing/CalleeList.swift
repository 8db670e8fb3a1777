// The callees of a registration, in the order in which their REGISTER was accepted (SR-22), and
// whose turn it is. Nearly all registrations have one callee: it lies in the registration itself,
// so that there is no other memory to wait for.

struct CalleeList: RandomAccessCollection, ExpressibleByArrayLiteral {
    /// Means nothing in an empty list.
    private var first = Callee(session: .router, options: CalleeOptions())
    private var others: [Callee] = []
    private var isVacant = true
    /// A gap, not a callee: how many of them are in front of it. It sits directly behind the callee
    /// that the previous call went to, and stays between the same neighbours whoever joins or
    /// leaves (SR-29 … SR-35).
    var cursor = 0

    init() {}

    init(arrayLiteral callees: Callee...) {
        for callee in callees { append(callee) }
    }

    var startIndex: Int { 0 }
    var endIndex: Int { isVacant ? 0 : others.count + 1 }
    var count: Int { endIndex }

    @inline(__always)
    subscript(index: Int) -> Callee { index == 0 ? first : others[index - 1] }

    mutating func append(_ callee: Callee) {
        if isVacant {
            first = callee
            isVacant = false
        } else {
            others.append(callee)
        }
    }

    /// Takes out a callee.
    /// - Returns: where its figures are; nil if it is not on the list.
    mutating func remove(_ session: SessionKey) -> Place? {
        guard let index = firstIndex(where: { $0.session == session }) else { return nil }
        let place = self[index].place
        remove(at: index)
        if index < cursor { cursor -= 1 }
        return place
    }

    private mutating func remove(at index: Int) {
        if index > 0 {
            others.remove(at: index - 1)
        } else if others.isEmpty {
            isVacant = true
        } else {
            first = others.removeFirst()
        }
    }
}
