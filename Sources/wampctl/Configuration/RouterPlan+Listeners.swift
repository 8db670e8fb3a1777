// Which listeners can be there together. Those of one address and port share a socket.

import WAMPServer
import WAMPTransport

extension RouterPlan {
    /// Why a listener cannot be there beside those before it, with the cure; nil if it can.
    /// - Parameter lines: where those stand.
    func contradiction(of new: Endpoint, lines: [Endpoint: Int] = [:]) -> String? {
        listeners.lazy.compactMap { old in
            contradiction(of: new, to: old, called: lines[old].map { "\(old) (line \($0))" })
        }.first
    }

    private func contradiction(
        of new: Endpoint, to old: Endpoint, called name: String?
    ) -> String? {
        let name = name ?? "\(old)"
        guard new == old || new.isPort(of: old) else { return nil }
        if new == old || new.hasHost(of: old) {
            return new.contradiction(to: old, called: name, listenerSettings)
        }
        guard old.isOfEveryHost || new.isOfEveryHost else { return nil }
        let (wide, narrow) = old.isOfEveryHost ? (name, "\(new)") : ("\(new)", name)
        return
            "\(wide) has this port at every address, also that of \(narrow); keep one of the two, "
            + "or give one another port"
    }
}

extension Endpoint {
    /// Whether both ask for the same port by its number.
    fileprivate func isPort(of other: Endpoint) -> Bool {
        guard case .tcp(_, let mine) = address, case .tcp(_, let its) = other.address else {
            return false
        }
        return mine == its && mine != 0
    }

    private var host: WebHost? {
        if case .tcp(let host, _) = address { WebHost(address: host) } else { nil }
    }

    /// Whether both name the same address. What a name stands for shows when it is bound.
    fileprivate func hasHost(of other: Endpoint) -> Bool {
        host?.description == other.host?.description
    }

    fileprivate var isOfEveryHost: Bool {
        host?.description == "0.0.0.0" || host?.description == "[::]"
    }
}
