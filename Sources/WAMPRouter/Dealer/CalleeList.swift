// The callees of a registration. Nearly all registrations have one callee: it lies in the
// registration itself, so that there is no other memory to wait for.

struct CalleeList: RandomAccessCollection, ExpressibleByArrayLiteral {
    /// Means nothing in an empty list.
    private var first = Callee(session: .router, options: CalleeOptions())
    private var others: [Callee] = []
    private var isVacant = true

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

    mutating func remove(at index: Int) {
        if index > 0 {
            others.remove(at: index - 1)
        } else if others.isEmpty {
            isVacant = true
        } else {
            first = others.removeFirst()
        }
    }
}
