// The types of the options and details that the specification, or a router in wide use, defines. A
// wrong type is a protocol violation; a key that is not listed may hold anything.
//
// Spec: Basic and Advanced Profile, the Options and Details of each message. Keys that
// MessageDecoder reads into fields of their own are checked there and not listed here.

/// The type that a known key demands.
enum OptionType {
    case bool, integer, unsigned, string, dictionary
    /// An id in 1 ... 2^53.
    case id
    case ids
    case strings
    /// A string or binary.
    case key
    /// `cryptobox`, `mqtt`, `xbr` or a name beginning with `x_`.
    case payloadAlgorithm
    /// Crossbar's list of the sessions that a message was forwarded for.
    case forwardedFor
    /// Text, or null in place of absence; seen in HELLO and WELCOME of other implementations.
    case optionalString
    case optionalDictionary

    /// What a value of this type is called in a violation.
    private var claim: String {
        switch self {
        case .bool: "a bool"
        case .integer: "an integer"
        case .unsigned: "an integer that is not negative"
        case .string, .optionalString: "a string"
        case .dictionary, .optionalDictionary: "a dictionary"
        case .id: "an id from 1 to 2^53"
        case .ids: "a list of ids"
        case .strings: "a list of strings"
        case .key: "a string or binary"
        case .payloadAlgorithm: "\"cryptobox\", \"mqtt\", \"xbr\" or a name that begins with x_"
        case .forwardedFor: "a list of dictionaries with session, authid and authrole"
        }
    }

    private func accepts(_ value: Value) -> Bool {
        switch self {
        case .bool: value.bool != nil
        case .integer: OptionType.isInteger(value)
        case .unsigned: OptionType.isInteger(value) && value.unsigned != nil
        case .string: value.string != nil
        case .dictionary: value.dictionary != nil
        case .id: OptionType.isID(value)
        case .ids: value.list?.allSatisfy(OptionType.isID) ?? false
        case .strings: value.list?.allSatisfy { $0.string != nil } ?? false
        case .key:
            if case .binary = value { true } else { value.string != nil }
        case .payloadAlgorithm:
            switch value.string {
            case "cryptobox", "mqtt", "xbr": true
            case let name?: name.hasPrefix("x_")
            case nil: false
            }
        case .forwardedFor:
            value.list?.allSatisfy { hop in
                guard let hop = hop.dictionary else { return false }
                return hop["session"].map(OptionType.isID) ?? false
                    && hop["authid"].map { $0 == .null || $0.string != nil } ?? true
                    && hop["authrole"].map { $0 == .null || $0.string != nil } ?? true
            } ?? false
        case .optionalString: value == .null || value.string != nil
        case .optionalDictionary: value == .null || value.dictionary != nil
        }
    }

    private static func isInteger(_ value: Value) -> Bool {
        switch value {
        case .int, .uint: true
        default: false
        }
    }

    private static func isID(_ value: Value) -> Bool {
        guard isInteger(value), let id = value.unsigned else { return false }
        return id >= 1 && id <= SessionID.largest
    }

    /// Makes integers of the whole floats that stand where this type demands integers.
    func mend(_ value: inout Value) {
        switch (self, value) {
        case (.integer, .double), (.unsigned, .double), (.id, .double):
            if let whole = value.unsigned { value = Value(whole) }
        case (.ids, .list(let list)):
            value = .list(
                list.map { item in
                    var item = item
                    OptionType.id.mend(&item)
                    return item
                })
        default: break
        }
    }

    /// - Throws: a violation that names message and key.
    func check(_ value: Value, key: String, in code: MessageCode) throws(Malformed) {
        guard accepts(value) else {
            throw .message("\(code.name) option \(key) must be \(claim)")
        }
    }
}

extension MessageCode {
    /// The types of the keys that a message's options or details may hold and that have no field.
    var optionTypes: [String: OptionType] {
        switch self {
        case .welcome: OptionTables.welcome
        case .abort, .goodbye: OptionTables.closing
        case .publish: OptionTables.publish
        case .event: OptionTables.event
        case .subscribe: OptionTables.subscribe
        case .call: OptionTables.call
        case .cancel: OptionTables.cancel
        case .interrupt: OptionTables.interrupt
        case .register: OptionTables.register
        case .invocation: OptionTables.invocation
        case .yield, .result, .error: OptionTables.outcome
        case .unregistered, .unsubscribed: OptionTables.revocation
        default: [:]
        }
    }
}

extension PublishOptions {
    /// Options of a publication that arrive as a value, within the arguments of a call.
    /// - Throws: a violation if an option has the wrong type.
    package init(checking options: Value.Dictionary) throws(ProtocolViolation) {
        self.init()
        for (key, value) in options.entries {
            switch key {
            case "acknowledge", "exclude_me":
                guard let flag = value.bool else {
                    throw ProtocolViolation("PUBLISH option \(key) must be a bool")
                }
                if key == "acknowledge" { acknowledge = flag } else { excludeMe = flag }
            default:
                var value = value
                do throws(Malformed) {
                    let type = MessageCode.publish.optionTypes[key]
                    type?.mend(&value)
                    try type?.check(value, key: key, in: .publish)
                } catch {
                    throw ProtocolViolation(error, .json)
                }
                custom.append(key, value)
            }
        }
    }
}

private enum OptionTables {
    /// What may accompany any payload.
    private static let payload: [String: OptionType] = [
        "ppt_scheme": .string, "ppt_serializer": .string, "ppt_cipher": .string,
        "ppt_keyid": .string, "enc_algo": .payloadAlgorithm, "enc_key": .key,
        "enc_serializer": .string, "forward_for": .forwardedFor, "transaction_hash": .string,
    ]

    private static let caller: [String: OptionType] = [
        "caller": .id, "caller_authid": .string, "caller_authrole": .string,
    ]

    static let welcome: [String: OptionType] = [
        "roles": .dictionary, "agent": .optionalString, "realm": .optionalString,
        "authid": .optionalString, "authrole": .optionalString, "authmethod": .optionalString,
        "authprovider": .optionalString, "authextra": .optionalDictionary,
    ]

    static let closing: [String: OptionType] = ["message": .string]

    static let publish = payload.with([
        "exclude": .ids, "exclude_authid": .strings, "exclude_authrole": .strings,
        "eligible": .ids, "eligible_authid": .strings, "eligible_authrole": .strings,
        "disclose_me": .bool, "retain": .bool, "rkey": .string,
    ])

    static let event = payload.with([
        "publisher": .id, "publisher_authid": .string, "publisher_authrole": .string,
        "trustlevel": .unsigned, "retained": .bool, "x_acknowledged_delivery": .bool,
    ])

    static let subscribe: [String: OptionType] = [
        "get_retained": .bool, "nkey": .string, "forward_for": .forwardedFor,
    ]

    static let call = payload.with(caller).with([
        "disclose_me": .bool, "runmode": .string, "rkey": .string,
    ])

    static let cancel: [String: OptionType] = ["forward_for": .forwardedFor]

    static let interrupt: [String: OptionType] = [
        "reason": .string, "forward_for": .forwardedFor,
    ]

    static let register: [String: OptionType] = [
        "disclose_caller": .bool, "forward_timeout": .bool, "concurrency": .integer,
        "force_reregister": .bool, "forward_for": .forwardedFor,
    ]

    static let invocation = payload.with(caller).with([
        "receive_progress": .bool, "progress": .bool, "trustlevel": .unsigned,
    ])

    static let outcome = payload

    static let revocation: [String: OptionType] = [
        "registration": .id, "subscription": .id, "reason": .string,
    ]
}

extension [String: OptionType] {
    fileprivate func with(_ others: [String: OptionType]) -> [String: OptionType] {
        merging(others) { _, other in other }
    }
}
