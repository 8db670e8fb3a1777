// Each serializer's grammar, as the payload of a message is checked against it: what would not be
// accepted must not be forwarded. Each text is tried both ways, skipped as a payload and read as a
// value.

import NIOCore
import Testing
import WAMP

struct GrammarTests {
    /// Whether a message whose one argument this is is accepted, and can be passed on.
    private func isAccepted(_ item: [UInt8], _ serializer: Serializer) -> Bool {
        let head: [UInt8] =
            switch serializer {
            case .json: Array("[50,1,{},[".utf8)
            case .msgpack: [0x94, 50, 1, 0x80, 0x91]
            case .cbor: [0x84, 0x18, 50, 1, 0xa0, 0x81]
            }
        let tail = serializer == .json ? Array("]]".utf8) : []
        let message = try? MessageCoder.decode(
            ByteBuffer(bytes: head + item + tail), as: serializer)
        let isSkipped = message.map { $0.payload.flaw == nil } ?? false
        let isRead: Bool
        do {
            isRead = try Payload.argument(item, in: serializer).values().args.count == 1
        } catch {
            isRead = false
        }
        #expect(isSkipped == isRead)
        return isSkipped
    }

    @Test(
        "JSON of RFC 8259 is accepted",
        arguments: [
            "null", "true", "false", "0", "-0", "-1", "1.5", "0.1", "1e5", "1E+5", "1e-5", "-0.0e0",
            #""""#, #""a""#, #""\"\\\/\b\f\n\r\t\u00e4\ud83d\ude42""#,
            "\"é漢🙂\u{7f}\"",
            "[]", "[ ]", "[1 , 2]", "{}", "{ }", #"{"a" : 1 , "b":[{}]}"#, #"{"":0,"":0}"#,
            "\t\r\n 1 ", "123456789012345678901234567890",
        ])
    func acceptedJSON(_ text: String) {
        #expect(isAccepted(Array(text.utf8), .json))
    }

    @Test(
        "what RFC 8259 does not have is refused",
        arguments: [
            "nul", "True", "NaN", "Infinity", "-Infinity", "-", "+1", "01", "-01", "1.", ".5",
            "1.e5", "1e", "1e+", "0x10", "1,", "'a'", #"""#, #""a"#, #""\"#, #""\x41""#, #""\u12""#,
            #""\u12g4""#, "\"\n\"", "\"\u{0}\"", "\"0123456789abcdef\u{1f}\"", "[1 2]", "[,1]",
            "[1,]", "[1", "{a:1}", "{1:1}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1 "b":2}"#,
            "[1}", #"{"a":1]"#, "/* */1", "1 //",
        ])
    func refusedJSON(_ text: String) {
        #expect(!isAccepted(Array(text.utf8), .json))
    }

    @Test(
        "text that is not UTF-8 is refused by every serializer",
        arguments: [
            [0x80], [0xc3], [0xc3, 0x28], [0xc0, 0x80], [0xc1, 0xbf], [0xe2, 0x82],
            [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x9f, 0x99],
            [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff],
        ])
    func badUTF8(_ bytes: [UInt8]) {
        // Before, within and after what is scanned many bytes at a time.
        for padding in [0, 7, 16, 30] {
            let text = Array(repeating: UInt8(ascii: "a"), count: padding) + bytes
            let tail = [UInt8](repeating: UInt8(ascii: "b"), count: padding == 7 ? 20 : 0)
            let all = text + tail
            let quote = UInt8(ascii: "\"")
            #expect(!isAccepted([quote] + all + [quote], .json), "\(padding)")
            #expect(!isAccepted([0xd9, UInt8(all.count)] + all, .msgpack), "\(padding)")
            #expect(!isAccepted([0x78, UInt8(all.count)] + all, .cbor), "\(padding)")
        }
    }

    @Test(
        "text in UTF-8 is accepted by every serializer",
        arguments: ["é", "漢", "🙂", "\u{80}", "\u{7ff}", "\u{800}", "\u{ffff}", "\u{10ffff}"])
    func goodUTF8(_ character: String) {
        let text = Array(("abcdefghijklmno" + character + "0123456789").utf8)
        let quote = UInt8(ascii: "\"")
        #expect(isAccepted([quote] + text + [quote], .json))
        #expect(isAccepted([0xd9, UInt8(text.count)] + text, .msgpack))
        #expect(isAccepted([0x78, UInt8(text.count)] + text, .cbor))
    }

    @Test(
        "MessagePack of every type and width is accepted",
        arguments: [
            [0x00], [0x7f], [0xe0], [0xff], [0xc0], [0xc2], [0xc3], [0xa0], [0xa1, 0x61],
            [0xd9, 1, 0x61], [0xda, 0, 1, 0x61], [0xdb, 0, 0, 0, 1, 0x61], [0xc4, 1, 0xff],
            [0xc5, 0, 1, 0xff], [0xc6, 0, 0, 0, 1, 0xff], [0xca, 0, 0, 0, 0],
            [0xcb, 0, 0, 0, 0, 0, 0, 0, 0], [0xcc, 1], [0xcd, 0, 1], [0xce, 0, 0, 0, 1],
            [0xcf, 0, 0, 0, 0, 0, 0, 0, 1], [0xd0, 1], [0xd1, 0, 1], [0xd2, 0, 0, 0, 1],
            [0xd3, 0, 0, 0, 0, 0, 0, 0, 1], [0x90], [0x91, 1], [0xdc, 0, 1, 1],
            [0xdd, 0, 0, 0, 1, 1], [0x80], [0x81, 0xa1, 0x61, 1], [0xde, 0, 1, 0xd9, 1, 0x61, 1],
            [0xdf, 0, 0, 0, 1, 0xa1, 0x61, 1], [0xd4, 5, 1], [0xd5, 5, 1, 2],
            [0xd6, 5, 1, 2, 3, 4],
            [0xc7, 1, 5, 9], [0xc8, 0, 1, 5, 9], [0xc9, 0, 0, 0, 1, 5, 9], [0xc7, 0, 5],
            [0x81, 1, 1], [0x81, 0xc4, 1, 0x61, 1], [0x82, 0xc0, 1, 0x91, 1, 0x81, 2, 3],
        ])
    func acceptedMessagePack(_ bytes: [UInt8]) {
        #expect(isAccepted(bytes, .msgpack))
    }

    @Test(
        "MessagePack that lies about lengths, or whose text is none, is refused",
        arguments: [
            [], [0xc1], [0xa2, 0x61], [0xd9, 2, 0x61], [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61],
            [0xc6, 0xff, 0xff, 0xff, 0xff], [0xcd, 0], [0xcf, 0, 0, 0, 0, 0, 0, 0], [0x92, 1],
            [0xdd, 0xff, 0xff, 0xff, 0xff, 1], [0xdf, 0xff, 0xff, 0xff, 0xff], [0x81, 1],
            [0x81, 0xa1, 0xff, 1], [0x81, 0xa1, 0x61], [0xd8, 5, 1], [0xc9, 0, 0, 0, 2, 5, 9],
        ])
    func refusedMessagePack(_ bytes: [UInt8]) {
        #expect(!isAccepted(bytes, .msgpack))
    }

    @Test(
        "CBOR of every type and width, with tags and indefinite lengths, is accepted",
        arguments: [
            [0x00], [0x17], [0x18, 0x01], [0x19, 0, 1], [0x1a, 0, 0, 0, 1],
            [0x1b, 0, 0, 0, 0, 0, 0, 0, 1], [0x20],
            [0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0x40], [0x41, 0xff], [0x58, 1, 0xff], [0x60], [0x61, 0x61], [0x79, 0, 1, 0x61],
            [0x7b, 0, 0, 0, 0, 0, 0, 0, 1, 0x61], [0x5f, 0x41, 1, 0x40, 0xff], [0x5f, 0xff],
            [0x7f, 0x61, 0x61, 0x61, 0x62, 0xff], [0x80], [0x81, 1], [0x98, 1, 1], [0x9f, 1, 0xff],
            [0x9f, 0xff], [0xa0], [0xa1, 0x61, 0x61, 1], [0xbf, 0x61, 0x61, 1, 0xff], [0xbf, 0xff],
            [0xbf, 0x7f, 0x61, 0x61, 0xff, 1, 0xff], [0xc1, 0x00], [0xc2, 0x41, 1],
            [0xd8, 32, 0x60],
            [0xd9, 0xd9, 0xf7, 0xc1, 0x80], [0xf4], [0xf5], [0xf6], [0xf7], [0xe0], [0xf8, 0xff],
            [0xf9, 0x3c, 0], [0xfa, 0, 0, 0, 0], [0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
            [0xa1, 1, 1], [0xa1, 0x41, 1, 1], [0xbf, 0xf6, 1, 0x81, 1, 0xa1, 2, 3, 0xff],
            [0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0xc3, 0x5f, 0x41, 1, 0xff], [0xc2, 0x00],
        ])
    func acceptedCBOR(_ bytes: [UInt8]) {
        #expect(isAccepted(bytes, .cbor))
    }

    @Test(
        "CBOR that RFC 8949 calls not well-formed is refused",
        arguments: [
            [], [0x1c], [0x1f], [0x3f], [0x18], [0x19, 0], [0x41],
            [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0x62, 0x61], [0x5f, 0x61, 0x61, 0xff], [0x7f, 0x41, 1, 0xff],
            [0x7f, 0x7f, 0xff, 0xff],
            [0x7f, 0x61, 0xc3, 0x61, 0xa9, 0xff], [0x7f], [0x9f, 1], [0x81], [0x9f],
            [0xbf, 0x61, 0x61, 0xff],
            [0xbf, 0x61, 0x61], [0xa1, 1], [0xbf, 1, 0xff], [0xa1, 0x61, 0x61], [0xff],
            [0xc1], [0xdf, 0], [0xdc, 0], [0xf8, 0x18], [0xf8], [0xf9, 0], [0xfc], [0x81, 0xff],
            [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ])
    func refusedCBOR(_ bytes: [UInt8]) {
        #expect(!isAccepted(bytes, .cbor))
    }

    @Test(
        "a message of indefinite length, tagged, is a message in CBOR, and its end mark no payload")
    func indefiniteCBOR() throws {
        let frame: [UInt8] = [
            0xd9, 0xd9, 0xf7, 0x9f, 0x18, 50, 0xc1, 1, 0xbf, 0xff, 0x9f, 7, 0xff, 0xff,
        ]
        let message = try MessageCoder.decode(ByteBuffer(bytes: frame), as: .cbor)
        #expect(Array(message.payload.bytes.readableBytesView) == [0x9f, 7, 0xff])
        #expect(try message.payload.values().args == [7])
    }

    @Test(
        "depth 64 is accepted, depth 65 refused; the message list counts",
        arguments: ["list", "dictionary"])
    func depth(_ container: String) {
        // Arguments is the second level, so the item may have 62 of its own.
        for (levels, isFine) in [(62, true), (63, false)] {
            let isList = container == "list"
            let json =
                String(repeating: isList ? "[" : #"{"a":"#, count: levels - 1)
                + (isList ? "[]" : "{}") + String(repeating: isList ? "]" : "}", count: levels - 1)
            let head = "[50,1,{},["
            #expect(isSound(Array((head + json + "]]").utf8), .json) == isFine, "\(levels)")
            let msgpack: [UInt8] = isList ? [0x91] : [0x81, 0xa1, 0x61]
            let cbor: [UInt8] = isList ? [0x81] : [0xa1, 0x61, 0x61]
            let msgpackBytes = Array([[UInt8]](repeating: msgpack, count: levels - 1).joined())
            let cborBytes = Array([[UInt8]](repeating: cbor, count: levels - 1).joined())
            let deepMsgpack: [UInt8] =
                [0x94, 50, 1, 0x80, 0x91] + msgpackBytes + [isList ? 0x90 : 0x80]
            let deepCBOR: [UInt8] =
                [0x84, 0x18, 50, 1, 0xa0, 0x81] + cborBytes + [isList ? 0x80 : 0xa0]
            #expect(isSound(deepMsgpack, .msgpack) == isFine, "\(levels)")
            #expect(isSound(deepCBOR, .cbor) == isFine, "\(levels)")
        }
    }

    /// Whether a message can be passed on.
    private func isSound(_ frame: [UInt8], _ serializer: Serializer) -> Bool? {
        let message = try? MessageCoder.decode(ByteBuffer(bytes: frame), as: serializer)
        return message.map { $0.payload.flaw == nil }
    }

    @Test("an endless nesting or an endless number ends in a violation")
    func endless() {
        #expect(violation(String(repeating: "[", count: 1_000_000)) != nil)
        #expect(violation([UInt8](repeating: 0x91, count: 1_000_000), as: .msgpack) != nil)
        #expect(violation([UInt8](repeating: 0x9f, count: 1_000_000), as: .cbor) != nil)
        #expect(violation([UInt8](repeating: 0xc1, count: 1_000_000), as: .cbor) != nil)
        #expect(violation("[17,1," + String(repeating: "9", count: 1_000_000) + "]") != nil)
    }
}
