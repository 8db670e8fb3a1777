// Payloads that are broken inside an intact message: they cost that message, and are no violation.

import NIOCore
import Testing
import WAMP

struct BrokenPayloadTests {
    /// A CALL, perhaps with an option, whose arguments these are.
    private func frame(
        _ arguments: [UInt8], _ serializer: Serializer, hasOption: Bool = false
    ) -> [UInt8] {
        switch serializer {
        case .json:
            Array((hasOption ? #"[48,7,{"_x":1},"a.b","# : #"[48,7,{},"a.b","#).utf8) + arguments
                + Array("]".utf8)
        case .msgpack:
            [0x95, 48, 7] + (hasOption ? [0x81, 0xa2, 0x5f, 0x78, 1] : [0x80])
                + [0xa3, 0x61, 0x2e, 0x62] + arguments
        case .cbor:
            [0x85, 0x18, 48, 7] + (hasOption ? [0xa1, 0x62, 0x5f, 0x78, 1] : [0xa0])
                + [0x63, 0x61, 0x2e, 0x62] + arguments
        }
    }

    /// What is wrong with the arguments of an intact message, alone and as a keyword's value.
    private func flaw(_ item: [UInt8], _ serializer: Serializer) throws -> String? {
        let list: [UInt8] =
            switch serializer {
            case .json: Array("[1,".utf8) + item + Array("]".utf8)
            case .msgpack: [0x92, 1] + item
            case .cbor: [0x82, 1] + item
            }
        var flaws: Set<String?> = []
        for hasOption in [false, true] {
            let frame = frame(list, serializer, hasOption: hasOption)
            let message = try MessageCoder.decode(ByteBuffer(bytes: frame), as: serializer)
            guard case .call(let call) = message else { return nil }
            #expect(call.request == RequestID(7), "\(hasOption)")
            #expect(call.procedure == "a.b", "\(hasOption)")
            flaws.insert(call.payload.flaw)
        }
        #expect(flaws.count == 1)
        return flaws.first ?? nil
    }

    @Test(
        "what is no JSON in an argument is a flaw with its place, not a violation",
        arguments: [
            "NaN", "Infinity", "-Infinity", "[{\"a\":NaN}]", "01", "tru", "\"\\x\"", "\"\n\"",
            "\"\\u12\"", "[1,]", "{\"a\"}", "{1:2}", "{\"a\":1,}", "[1}", "'x'", "1.", "+1",
            "None", "[\"]\",]",
        ])
    func json(_ item: String) throws {
        let flaw = try #require(try flaw(Array(item.utf8), .json))
        #expect(flaw.contains("json at byte"))
        #expect(flaw.contains("args.1"))
    }

    @Test("NaN in JSON is called by its name")
    func notFinite() throws {
        for word in ["NaN", "-Infinity"] {
            let flaw = try flaw(Array(#"{"t":[0,\#(word)]}"#.utf8), .json)
            #expect(flaw?.hasPrefix("args.1.t.1: ") ?? false, "\(word)")
            #expect(flaw?.hasSuffix("NaN and Infinity are not in JSON") ?? false, "\(word)")
        }
    }

    @Test("a text that is not UTF-8 is a flaw in every serializer")
    func notUTF8() throws {
        #expect(try flaw([0x22, 0xff, 0x22], .json)?.contains("UTF-8") ?? false)
        #expect(try flaw([0xa1, 0xff], .msgpack)?.contains("UTF-8") ?? false)
        #expect(try flaw([0xd9, 2, 0xc3, 0x28], .msgpack)?.contains("UTF-8") ?? false)
        #expect(try flaw([0x81, 0xa1, 0xff, 1], .msgpack)?.contains("UTF-8") ?? false)
        #expect(try flaw([0x61, 0xff], .cbor)?.contains("UTF-8") ?? false)
        #expect(try flaw([0x7f, 0x61, 0xc3, 0x61, 0xa9, 0xff], .cbor)?.contains("UTF-8") ?? false)
    }

    @Test("a byte that MessagePack never uses, and CBOR that is not well-formed, are flaws")
    func notWellFormed() throws {
        #expect(try flaw([0xc1], .msgpack) != nil)
        #expect(try flaw([0x91, 0xc1], .msgpack) != nil)
        #expect(try flaw([0xf8, 0x18], .cbor) != nil)
        #expect(try flaw([0x5f, 0x61, 0x61, 0xff], .cbor) != nil)
        #expect(try flaw([0x9f, 0xf8, 0x00, 0xbf, 1, 2, 0xff, 0xff], .cbor) != nil)
    }

    @Test("a payload nested deeper than 64 is a flaw", arguments: Serializer.allCases)
    func depth(_ serializer: Serializer) throws {
        for levels in [63, 1000] {
            let item: [UInt8] =
                switch serializer {
                case .json:
                    Array(
                        (String(repeating: "[", count: levels)
                            + String(repeating: "]", count: levels)).utf8)
                case .msgpack: [UInt8](repeating: 0x91, count: levels - 1) + [0x90]
                case .cbor:
                    [UInt8](repeating: 0x9f, count: levels)
                        + [UInt8](repeating: 0xff, count: levels)
                }
            #expect(try flaw(item, serializer)?.contains("deeper than 64") ?? false, "\(levels)")
        }
    }

    @Test("the keys of ArgumentsKw itself must be texts; a flaw, not a violation")
    func keys() throws {
        let msgpack = frame([0x90, 0x81, 1, 2], .msgpack).replacingFirst(with: 0x96)
        let cbor = frame([0x80, 0xa1, 1, 2], .cbor).replacingFirst(with: 0x86)
        for (frame, serializer) in [(msgpack, Serializer.msgpack), (cbor, .cbor)] {
            let message = try MessageCoder.decode(ByteBuffer(bytes: frame), as: serializer)
            #expect(message.payload.flaw == "the keys of ArgumentsKw must be texts", "\(frame)")
        }
        let inner = frame([0x90, 0x81, 0xa1, 0x6b, 0x81, 1, 2], .msgpack).replacingFirst(with: 0x96)
        let message = try MessageCoder.decode(ByteBuffer(bytes: inner), as: .msgpack)
        #expect(message.payload.flaw == nil)
    }

    @Test("a flaw in one of the parts does not hide a violation in the message")
    func violations() {
        for text in [
            #"[48,7,{},"a.b",[NaN]"#, #"[48,7,{},"a.b",[NaN],{},1]"#, #"[48,7,{},"a.b",[NaN],[]]"#,
            #"[48,7,{},"a.b",NaN]"#, #"[48,7,{},"a.b",[NaN]]x"#, #"[48,7,{},"a.b",["x]"#,
            #"[48,7,{"a":NaN},"a.b",[]]"#, #"[48,7,{},7,[NaN]]"#, #"[48,7,{},"a.b",{"a":NaN}]"#,
        ] {
            #expect(violation(text) != nil, "\(text)")
        }
        #expect(violation(frame([0x91, 0xa5, 0xff], .msgpack), as: .msgpack) != nil)
        #expect(violation(frame([0x92, 0xc1], .msgpack), as: .msgpack) != nil)
        #expect(violation(frame([0x91, 0xc1, 0], .msgpack), as: .msgpack) != nil)
        #expect(violation(frame([0x82, 0x61, 0xff], .cbor), as: .cbor) != nil)
        #expect(violation(frame([0x81, 0xff], .cbor), as: .cbor) != nil)
        #expect(violation(frame([0x81, 0x1c], .cbor), as: .cbor) != nil)
    }

    @Test("nobody is sent a payload with a flaw, and nobody reads it")
    func isGoingNowhere() throws {
        let message = try decode(#"[48,7,{},"a.b",[NaN],{"k":1}]"#)
        for serializer in Serializer.allCases {
            #expect(!message.payload.isReady(for: serializer), "\(serializer)")
            #expect(throws: TranscodingError.self, "\(serializer)") {
                try MessageCoder.encode(message, as: serializer)
            }
        }
        #expect(throws: ProtocolViolation.self) { try message.payload.values() }
        #expect(message.payload.detached().flaw == message.payload.flaw)
    }

    @Test("a place is told in few words, however long the keys are")
    func longPlaces() throws {
        // A reader takes all those accents for one character.
        let accents = "e" + String(repeating: "\u{301}", count: 10_000)
        for key in [String(repeating: "k", count: 10_000), accents] {
            let item =
                String(repeating: "{\"\(key)\":", count: 20) + "NaN"
                + String(repeating: "}", count: 20)
            let flaw = try #require(try flaw(Array(item.utf8), .json))
            #expect(flaw.utf8.starts(with: "args.1.\(key)".utf8.prefix(20)), "\(flaw)")
            #expect(flaw.utf8.count < 300, "\(flaw)")
        }
    }
}

extension [UInt8] {
    fileprivate func replacingFirst(with byte: UInt8) -> [UInt8] { [byte] + dropFirst() }
}
