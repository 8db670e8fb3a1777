// A registration: one procedure, its rule, and the callees that share it.

import WAMP

struct Registration: ~Copyable {
    /// 0 in a vacant slot.
    let id: RegistrationID
    let uri: StoredURI
    let policy: InvocationPolicy
    /// When the first callee registered, in milliseconds since 1970.
    let created: Int64
    /// See `InvocationPolicy.choose`.
    var cursor = 0
    /// In the order in which their REGISTER was accepted (SR-22).
    private(set) var callees: [Callee] = []

    init(
        id: RegistrationID, uri: consuming StoredURI, policy: InvocationPolicy, created: Int64
    ) {
        self.id = id
        self.uri = uri
        self.policy = policy
        self.created = created
    }

    static var vacant: Registration {
        Registration(id: RegistrationID(0), uri: StoredURI(), policy: .single, created: 0)
    }

    mutating func append(_ callee: Callee) { callees.append(callee) }

    /// Takes a callee out of the list. The gap that is the cursor stays between the same
    /// neighbours.
    mutating func remove(_ session: SessionKey) {
        guard let index = callees.firstIndex(where: { $0.session == session }) else { return }
        callees.remove(at: index)
        if index < cursor { cursor -= 1 }
    }
}
