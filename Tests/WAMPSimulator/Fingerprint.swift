// What is the same for two runs with the same effects, in the same order.

import NIOCore
import WAMP
import WAMPRouter

struct Fingerprint {
    /// FNV-1a.
    private(set) var value: UInt64 = 0
    var isOn = false {
        didSet { value = isOn ? 0xcbf2_9ce4_8422_2325 : 0 }
    }

    mutating func add(_ effect: Effect) {
        guard isOn else { return }
        switch effect {
        case .send(let message, let key):
            add(message)
            add(key)
        case .broadcast(let event, let keys):
            add(.event(event))
            for key in keys { add(key) }
        case .ended(let key, let ending):
            add(key)
            add("\(ending)".utf8)
        case .answered(let token, let answer): add("\(token) \(answer)".utf8)
        }
    }

    private mutating func add(_ key: SessionKey) {
        add([UInt8(truncatingIfNeeded: key.slot), UInt8(truncatingIfNeeded: key.generation)])
    }

    private mutating func add(_ message: Message) {
        guard let frame = try? MessageCoder.encode(message, as: .json) else { return }
        add(frame.readableBytesView)
    }

    private mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
}
