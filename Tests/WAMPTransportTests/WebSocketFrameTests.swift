// WebSocket framing at every cut of the bytes, and each fault with its close code.

import NIOCore
import Testing

@testable import WAMPTransport

@Suite struct WebSocketFrameTests {
    static let key: WebSocketFrame.Key = (0x37, 0xFA, 0x21, 0x3D)

    /// The bytes of a frame.
    static func bytes(
        _ opcode: WebSocketFrame.Opcode, _ payload: [UInt8], isFinal: Bool = true,
        masked: Bool = true
    ) -> [UInt8] {
        let frame = WebSocketFrame(
            opcode, length: payload.count, isFinal: isFinal, key: masked ? key : nil)
        let header = [UInt8](unsafeUninitializedCapacity: 14) { room, count in
            count = frame.headerLength
            if let start = room.baseAddress { frame.write(to: start) }
        }
        let keys = [key.0, key.1, key.2, key.3]
        return header
            + payload.enumerated().map { masked ? $0.element ^ keys[$0.offset % 4] : $0.element }
    }

    /// Feeds a receiver in pieces of a size; messages are told by their bytes.
    private func receive(
        _ bytes: [UInt8], cut: Int? = nil, masked: Bool = true, text: Bool = true,
        limit: Int = 1 << 20
    ) throws(WebSocketFault) -> [WebSocketReceiver.Item] {
        var receiver = WebSocketReceiver(masked: masked, text: text, limit: limit)
        var received: [WebSocketReceiver.Item] = []
        var scratch = ByteBuffer()
        let size = cut ?? max(bytes.count, 1)
        for start in stride(from: 0, to: bytes.count, by: size) {
            var items: [WebSocketReceiver.Item] = []
            try receiver.receive(
                ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]),
                scratch: &scratch, into: &items)
            received += items.map { item in
                guard case .unmasked(let offset, let length) = item,
                    let slice = scratch.getSlice(at: offset, length: length)
                else { return item }
                return .message(ByteBuffer(bytes: slice.readableBytesView))
            }
        }
        return received
    }

    private func fault(
        _ bytes: [UInt8], masked: Bool = true, text: Bool = true, limit: Int = 1 << 20
    ) -> WebSocketCloseCode? {
        do throws(WebSocketFault) {
            _ = try receive(bytes, masked: masked, text: text, limit: limit)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(
        "a header reads back as it was written, and at no cut before its end",
        arguments: [0, 1, 125, 126, 127, 0xFFFF, 0x10000, 1 << 30], [true, false])
    func header(length: Int, masked: Bool) throws {
        let frame = WebSocketFrame(
            .binary, length: length, isFinal: false, key: masked ? Self.key : nil)
        let bytes = [UInt8](unsafeUninitializedCapacity: 14) { room, count in
            count = frame.headerLength
            if let start = room.baseAddress { frame.write(to: start) }
        }
        for end in 0..<bytes.count {
            #expect(
                try bytes[..<end].withUnsafeBytes {
                    try WebSocketFrame.parse($0, masked: masked)
                } == nil, "\(end)")
        }
        let parsed = try bytes.withUnsafeBytes { try WebSocketFrame.parse($0, masked: masked) }
        #expect(parsed?.frame == frame)
        #expect(parsed?.headerLength == bytes.count)
    }

    @Test("messages, fragments and control frames between them come out whole however they are cut")
    func everyCut() throws {
        let long = [UInt8](repeating: 0x61, count: 300)
        let bytes =
            Self.bytes(.text, Array("[1]".utf8)) + Self.bytes(.text, [])
            + Self.bytes(.text, Array("[\"ä".utf8.dropLast()), isFinal: false)
            + Self.bytes(.ping, [1, 2, 3])
            + Self.bytes(.continuation, [], isFinal: false)
            + Self.bytes(.pong, [])
            + Self.bytes(.continuation, Array("ä\"]".utf8.dropFirst()))
            + Self.bytes(.text, long)
            + Self.bytes(.close, [0x03, 0xE8] + Array("bye".utf8)) + Self.bytes(.text, [0x5B])
        let expected: [WebSocketReceiver.Item] = [
            .message(ByteBuffer(string: "[1]")), .message(ByteBuffer()),
            .ping(ByteBuffer(bytes: [1, 2, 3])), .pong, .message(ByteBuffer(string: "[\"ä\"]")),
            .message(ByteBuffer(bytes: long)),
            .close(.init(code: .normal, reason: "bye")),
        ]
        for cut in 1...bytes.count {
            #expect(try receive(bytes, cut: cut) == expected, "pieces of \(cut)")
        }
    }

    @Test("a client takes unmasked frames, whole and cut")
    func unmasked() throws {
        let bytes =
            Self.bytes(.binary, [0xFF, 1], masked: false)
            + Self.bytes(.binary, [7], isFinal: false, masked: false)
            + Self.bytes(.continuation, [8], masked: false)
        for cut in 1...bytes.count {
            #expect(
                try receive(bytes, cut: cut, masked: false, text: false) == [
                    .message(ByteBuffer(bytes: [0xFF, 1])), .message(ByteBuffer(bytes: [7, 8])),
                ], "\(cut)")
        }
    }

    @Test("frames against the protocol close with 1002")
    func protocolErrors() {
        let text = Self.bytes(.text, [0x5B])
        for bit: UInt8 in [0x10, 0x20, 0x40] {
            #expect(fault([text[0] | bit]) == .protocolError, "\(bit)")
        }
        for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            #expect(fault([0x80 | opcode]) == .protocolError, "\(opcode)")
        }
        #expect(fault([0x09]) == .protocolError, "a fragmented ping")
        #expect(fault([0x89, 0xFE]) == .protocolError, "a ping of 126 bytes")
        #expect(fault([0x81, 0x01]) == .protocolError, "a client that does not mask")
        #expect(fault([0x81, 0x81], masked: false) == .protocolError, "a server that masks")
        #expect(fault([0x81, 0xFE, 0, 125]) == .protocolError, "a length not in shortest form")
        #expect(fault([0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) == .protocolError)
        #expect(fault(Self.bytes(.continuation, [])) == .protocolError, "nothing to continue")
        #expect(
            fault(Self.bytes(.text, [], isFinal: false) + text) == .protocolError,
            "a message inside another")
    }

    @Test("close frames with a bad payload close with 1002 or 1007")
    func badClose() {
        #expect(fault(Self.bytes(.close, [3])) == .protocolError)
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            #expect(
                fault(Self.bytes(.close, [UInt8(code >> 8), UInt8(code & 255)])) == .protocolError,
                "\(code)")
        }
        for code: UInt16 in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999] {
            #expect(
                fault(Self.bytes(.close, [UInt8(code >> 8), UInt8(code & 255)])) == nil, "\(code)")
        }
        #expect(fault(Self.bytes(.close, [0x03, 0xE8, 0xFF])) == .inconsistentData)
    }

    @Test("the wrong kind of message for the serializer closes with 1003")
    func wrongOpcode() {
        #expect(fault(Self.bytes(.binary, [])) == .unacceptableData)
        #expect(fault(Self.bytes(.text, []), text: false) == .unacceptableData)
    }

    @Test("a message over the limit closes with 1009, from its header and from the running sum")
    func tooBig() {
        #expect(fault(Self.bytes(.text, [1, 2, 3, 4]), limit: 4) == nil)
        #expect(fault([0x81, 0x85, 0, 0, 0, 0], limit: 4) == .messageTooBig)
        #expect(
            fault([0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], limit: 4) == .messageTooBig)
        let start = Self.bytes(.text, [1, 2, 3], isFinal: false)
        #expect(fault(start + Self.bytes(.continuation, [4]), limit: 4) == nil)
        #expect(fault(start + [0x80, 0x82, 0, 0, 0, 0], limit: 4) == .messageTooBig)
    }

    @Test(
        "text that is not UTF-8 closes with 1007",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xFF],
            [0xCE, 0xBA, 0xE1, 0xBD],
        ] as [[UInt8]])
    func badUTF8(bytes: [UInt8]) {
        #expect(fault(Self.bytes(.text, Array("12345678".utf8) + bytes)) == .inconsistentData)
        #expect(
            fault(Self.bytes(.text, bytes, isFinal: false) + Self.bytes(.continuation, []))
                == .inconsistentData)
        #expect(fault(Self.bytes(.binary, bytes), text: false) == nil)
    }

    @Test("bad UTF-8 is noticed inside an unfinished frame")
    func failsFast() {
        let whole = Self.bytes(.text, Array("κόσμε".utf8) + [0xF4, 0x90] + Array("edited".utf8))
        let upTo = whole.prefix(6 + "κόσμε".utf8.count + 2)
        #expect(fault(Array(upTo)) == .inconsistentData)
        #expect(fault(Array(upTo.dropLast())) == nil)
    }

    @Test("every scalar is UTF-8, and no scalar cut short is complete")
    func allScalars() {
        for value in stride(from: UInt32(0), through: 0x10FFFF, by: 61) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let bytes = Array(String(Character(scalar)).utf8)
            var stream = UTF8Stream()
            #expect(bytes.withUnsafeBytes { stream.accept($0) } && stream.isComplete, "\(value)")
            guard bytes.count > 1 else { continue }
            stream = UTF8Stream()
            #expect(
                bytes.dropLast().withUnsafeBytes { stream.accept($0) } && !stream.isComplete,
                "\(value)")
        }
    }

    @Test("the reason of a close frame is cut at a character")
    func longReason() throws {
        let payload = WebSocketFrame.closePayload(.normal, String(repeating: "ä", count: 100))
        #expect(payload.count == 124)
        let close = try payload.withUnsafeBytes { try WebSocketFrame.close($0) }
        #expect(close.reason == String(repeating: "ä", count: 61))
    }

    @Test("masking is its own inverse at every length and phase")
    func masking() {
        for length in 0...70 {
            for phase in 0..<4 {
                let plain = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
                var masked = plain
                masked.withUnsafeMutableBytes { bytes in
                    _ = Masking.copy(
                        UnsafeRawBufferPointer(bytes), to: bytes, key: Self.key, phase: phase)
                }
                let keys = [Self.key.0, Self.key.1, Self.key.2, Self.key.3]
                #expect(
                    masked == plain.enumerated().map { $0.element ^ keys[($0.offset + phase) % 4] },
                    "\(length) \(phase)")
            }
        }
    }
}
