// The registrations of a realm as its meta events tell them. Events and answers reach an observer
// on one connection, so they come in the order of the realm's lock: what it is told of a list must
// be what the events so far make of it.

import WAMP

struct RegistryReplay {
    struct Entry {
        let procedure: String
        var callees: [UInt64] = []
        /// Its last callee has left: `on_delete` is next.
        var isEmptied = false
    }

    private(set) var entries: [UInt64: Entry] = [:]
    private var emptied: UInt64?

    var isEmpty: Bool { entries.isEmpty }

    func id(of procedure: String) -> UInt64? {
        entries.first { $0.value.procedure == procedure }?.key
    }

    /// Applies an event. Its order is that of SR-74 … SR-77.
    mutating func apply(_ name: String, _ args: [Value]) throws {
        guard args.count == 2, let session = args[0].unsigned else {
            throw Breach("\(name) \(args)")
        }
        if let emptied, name != "on_delete" || args[1].unsigned != emptied {
            throw Breach("\(name) \(args) where on_delete of \(emptied) is due")
        }
        if name == "on_create" {
            guard let details = args[1].dictionary, let id = details["id"]?.unsigned,
                let procedure = details["uri"]?.string, entries[id] == nil,
                self.id(of: procedure) == nil
            else { throw Breach("on_create \(args)") }
            entries[id] = Entry(procedure: procedure)
            return
        }
        guard let id = args[1].unsigned, var entry = entries[id] else {
            throw Breach("\(name) \(args): there is no such registration")
        }
        switch name {
        case "on_register":
            guard !entry.callees.contains(session) else { throw Breach("\(name) \(args) again") }
            entry.callees.append(session)
            entries[id] = entry
        case "on_unregister":
            guard let place = entry.callees.firstIndex(of: session) else {
                throw Breach("\(name) \(args): no callee")
            }
            entry.callees.remove(at: place)
            entries[id] = entry
            if entry.callees.isEmpty { emptied = id }
        default:
            guard emptied == id else { throw Breach("\(name) \(args) is early") }
            emptied = nil
            entries[id] = nil
        }
    }
}
