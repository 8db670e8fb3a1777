// About what it costs to keep something that a peer sent, in bytes: so that what is kept can be
// bounded, whichever part of a message the bytes are in.

import WAMP

extension Value {
    var weight: Int {
        switch self {
        case .null, .bool, .int, .uint, .double: 16
        case .string(let string): 16 + string.utf8.count
        case .binary(let bytes): 16 + bytes.count
        case .list(let list): list.reduce(16) { $0 + $1.weight }
        case .dictionary(let dictionary): 16 + dictionary.weight
        case .map(let entries): entries.reduce(16) { $0 + $1.key.weight + $1.value.weight }
        case .big(let integer): 16 + integer.byteCount
        }
    }
}

extension Value.Dictionary {
    /// 0 of an empty one.
    var weight: Int { entries.reduce(0) { $0 + 16 + $1.key.utf8.count + $1.value.weight } }
}

extension Message {
    /// Only of what can be large.
    var weight: Int {
        switch self {
        case .call(let message):
            message.procedure.count + message.payload.count + message.options.custom.weight
        case .publish(let message):
            message.topic.count + message.payload.count + message.options.custom.weight
        case .register(let message): message.procedure.count + message.options.custom.weight
        case .subscribe(let message): message.topic.count + message.options.custom.weight
        case .cancel(let message): message.custom.weight
        default: 0
        }
    }
}
