// Options and details: the keys that have a field go there, all others into `custom`, once their
// type was checked.

extension MessageDecoder {
    /// Reads options or details: hands each key to `field`, which reads the value or returns false,
    /// in which case the value is checked against the table of the message and goes into `custom`.
    @inline(__always)
    private mutating func options(
        _ name: StaticString, custom: inout Value.Dictionary,
        field: (inout Self, Text) throws(Malformed) -> Bool
    ) throws(Malformed) {
        try element(name)
        guard var entries = try reader.open(isDictionary: true) else {
            throw fault(name, "must be a dictionary")
        }
        // The way of nearly every message: `{}`.
        guard try reader.next(&entries) else { return }
        var seen = SeenKeys()
        var budget = maximumElements
        repeat {
            let key = try reader.key()
            try seen.insert(key)
            if try field(&self, key) { continue }
            let name = key.string
            var value = try reader.value(isOption: true, budget: &budget)
            if let type = code.optionTypes[name] {
                // JSON has but one way to write an integer.
                if serializer != .json { type.mend(&value) }
                try type.check(value, key: name, in: code)
            }
            if name == "enc_algo" { isPayloadOpaque = true }
            custom.append(name, value)
        } while try reader.next(&entries)
    }

    /// Reads options or details that have no fields.
    mutating func details(_ name: StaticString) throws(Malformed) -> Value.Dictionary {
        var details = Value.Dictionary()
        try options(name, custom: &details) { _, _ in false }
        return details
    }

    private func wrong(_ key: StaticString, _ claim: StaticString) -> Malformed {
        .message("\(code.name) option \(key) must be \(claim)")
    }

    private mutating func bool(_ key: StaticString) throws(Malformed) -> Bool {
        guard try reader.kind() == .bool, case .bool(let value) = try reader.item() else {
            throw wrong(key, "a bool")
        }
        return value
    }

    private mutating func unsigned(_ key: StaticString) throws(Malformed) -> UInt64 {
        guard let value = try reader.unsigned() else {
            throw wrong(key, "an integer that is not negative")
        }
        return value
    }

    private mutating func text(_ key: StaticString) throws(Malformed) -> Text {
        guard let text = try reader.text() else { throw wrong(key, "a string") }
        return text
    }

    private mutating func match() throws(Malformed) -> MatchPolicy {
        guard let match = MatchPolicy(rawValue: try text("match").string) else {
            throw wrong("match", "\"exact\", \"prefix\" or \"wildcard\"")
        }
        return match
    }

    @inline(__always)
    mutating func callOptions() throws(Malformed) -> CallOptions {
        var options = CallOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            if key == "timeout" {
                options.timeout = try decoder.unsigned("timeout")
            } else if key == "progress" {
                options.progress = try decoder.bool("progress")
            } else if key == "receive_progress" {
                options.receiveProgress = try decoder.bool("receive_progress")
            } else {
                return false
            }
            return true
        }
        options.custom = custom
        return options
    }

    @inline(__always)
    mutating func invocationDetails() throws(Malformed) -> InvocationDetails {
        var details = InvocationDetails()
        var custom = Value.Dictionary()
        try options("Details", custom: &custom) { decoder, key throws(Malformed) in
            if key == "procedure" {
                details.procedure = decoder.uri(try decoder.text("procedure"))
            } else if key == "timeout" {
                details.timeout = try decoder.unsigned("timeout")
            } else {
                return false
            }
            return true
        }
        details.custom = custom
        return details
    }

    @inline(__always)
    mutating func outcomeDetails(_ name: StaticString) throws(Malformed) -> OutcomeDetails {
        var details = OutcomeDetails()
        var custom = Value.Dictionary()
        var callee: UInt64?
        var authid: Text?
        var authrole: Text?
        try options(name, custom: &custom) { decoder, key throws(Malformed) in
            if key == "progress" {
                details.progress = try decoder.bool("progress")
            } else if key == "callee" {
                let id = try decoder.unsigned("callee")
                guard id &- 1 < SessionID.largest else {
                    throw decoder.wrong("callee", "an id from 1 to 2^53")
                }
                callee = id
            } else if key == "callee_authid" {
                authid = try decoder.text("callee_authid")
            } else if key == "callee_authrole" {
                authrole = try decoder.text("callee_authrole")
            } else {
                return false
            }
            return true
        }
        if let callee {
            details.callee = PeerIdentity(
                session: SessionID(callee), authid: authid?.string, authrole: authrole?.string)
        }
        details.custom = custom
        return details
    }

    @inline(__always)
    mutating func eventDetails() throws(Malformed) -> EventDetails {
        var details = EventDetails()
        var custom = Value.Dictionary()
        try options("Details", custom: &custom) { decoder, key throws(Malformed) in
            guard key == "topic" else { return false }
            details.topic = decoder.uri(try decoder.text("topic"))
            return true
        }
        details.custom = custom
        return details
    }

    @inline(__always)
    mutating func publishOptions() throws(Malformed) -> PublishOptions {
        var options = PublishOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            if key == "acknowledge" {
                options.acknowledge = try decoder.bool("acknowledge")
            } else if key == "exclude_me" {
                options.excludeMe = try decoder.bool("exclude_me")
            } else {
                return false
            }
            return true
        }
        options.custom = custom
        return options
    }

    mutating func subscribeOptions() throws(Malformed) -> SubscribeOptions {
        var options = SubscribeOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            guard key == "match" else { return false }
            options.match = try decoder.match()
            return true
        }
        options.custom = custom
        return options
    }

    mutating func registerOptions() throws(Malformed) -> RegisterOptions {
        var options = RegisterOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            if key == "match" {
                options.match = try decoder.match()
            } else if key == "invoke" {
                options.invoke = try decoder.text("invoke").string
            } else if key == "_retry_on_loss" {
                options.retryOnLoss = try decoder.bool("_retry_on_loss")
            } else {
                return false
            }
            return true
        }
        options.custom = custom
        return options
    }

    mutating func cancelMode() throws(Malformed) -> (CancelMode?, Value.Dictionary) {
        var mode: CancelMode?
        var custom = Value.Dictionary()
        try options("Options", custom: &custom) { decoder, key throws(Malformed) in
            guard key == "mode" else { return false }
            mode = CancelMode(rawValue: try decoder.text("mode").string)
            guard mode != nil else {
                throw decoder.wrong("mode", "\"skip\", \"kill\" or \"killnowait\"")
            }
            return true
        }
        return (mode, custom)
    }

    /// HELLO's details. In place of what is absent, null is accepted; keys that are not known are
    /// dropped.
    mutating func hello(_ realm: URI) throws(Malformed) -> Hello {
        let details = try details("Details")
        var hello = Hello(realm: realm, roles: Roles([:]))
        guard let roles = details["roles"] else { throw .message("HELLO option roles is missing") }
        guard let roles = roles.dictionary else { throw wrong("roles", "a dictionary") }
        do throws(ProtocolViolation) {
            hello.roles = try Roles(details: roles)
        } catch {
            throw .message("HELLO option \(error.description)")
        }
        guard !hello.roles.isEmpty else { throw .message("HELLO option roles names no role") }
        for (key, value) in details.entries where value != .null {
            switch key {
            case "agent", "authid", "authrole":
                try OptionType.string.check(value, key: key, in: .hello)
            case "authmethods": try OptionType.strings.check(value, key: key, in: .hello)
            case "authextra", "transport":
                try OptionType.dictionary.check(value, key: key, in: .hello)
            default: break
            }
        }
        hello.agent = details["agent"]?.string
        hello.authmethods = details["authmethods"]?.list?.compactMap(\.string) ?? []
        hello.authid = details["authid"]?.string
        hello.authrole = details["authrole"]?.string
        hello.authextra = details["authextra"]?.dictionary
        return hello
    }
}
