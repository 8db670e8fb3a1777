// Payloads from one serializer into another.

import NIOCore
import Testing
import WAMP

struct TranscodingTests {
    /// One argument in `source`, transcoded, without the list around it.
    private func transcode(
        _ item: [UInt8], _ source: Serializer, to target: Serializer
    ) throws -> [UInt8] {
        let payload = try Payload.argument(item, in: source).transcoded(to: target)
        let bytes = Array(payload.bytes.readableBytesView)
        return Array(target == .json ? bytes.dropFirst().dropLast() : bytes.dropFirst())
    }

    private func toJSON(_ item: [UInt8], from source: Serializer) throws -> String {
        String(decoding: try transcode(item, source, to: .json), as: UTF8.self)
    }

    @Test("in the same serializer the bytes are untouched, whatever they look like")
    func sameSerializer() throws {
        let payload = Payload(
            bytes: ByteBuffer(string: "[ 1.50 ]"), serializer: .json, shape: .arguments)
        #expect(try payload.transcoded(to: .json).text == "[ 1.50 ]")
    }

    @Test("an empty payload is empty in every serializer", arguments: Serializer.allCases)
    func empty(_ serializer: Serializer) throws {
        #expect(try Payload().transcoded(to: serializer).isEmpty)
    }

    @Test(
        "integers at the edges of every width are exact in all three",
        arguments: [
            "0", "23", "24", "127", "128", "255", "256", "65535", "65536", "4294967295",
            "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808",
            "18446744073709551615", "-1", "-24", "-25", "-32", "-33", "-128", "-129", "-256",
            "-257", "-32768", "-32769", "-65536", "-65537", "-2147483648", "-2147483649",
            "-4294967297", "-9223372036854775808",
        ])
    func integers(_ digits: String) throws {
        let json = Payload.argument(Array(digits.utf8), in: .json)
        for serializer in [Serializer.msgpack, .cbor] {
            let binary = try json.transcoded(to: serializer)
            #expect(try binary.transcoded(to: .json).text == "[\(digits)]", "\(serializer)")
            let other: Serializer = serializer == .cbor ? .msgpack : .cbor
            #expect(try binary.transcoded(to: other) == json.transcoded(to: other), "\(serializer)")
            #expect(try binary.values().args == json.values().args, "\(serializer)")
        }
    }

    @Test(
        "integers are written in their shortest form",
        arguments: [
            ("23", [0x17], [0x17]), ("24", [0x18], [0x18, 0x18]), ("127", [0x7f], [0x18, 0x7f]),
            ("128", [0xcc, 0x80], [0x18, 0x80]), ("256", [0xcd, 1, 0], [0x19, 1, 0]),
            ("65536", [0xce, 0, 1, 0, 0], [0x1a, 0, 1, 0, 0]), ("-1", [0xff], [0x20]),
            ("-32", [0xe0], [0x38, 0x1f]), ("-33", [0xd0, 0xdf], [0x38, 0x20]),
            ("-129", [0xd1, 0xff, 0x7f], [0x38, 0x80]),
        ] as [(String, [UInt8], [UInt8])])
    func shortest(_ digits: String, _ msgpack: [UInt8], _ cbor: [UInt8]) throws {
        #expect(try transcode(Array(digits.utf8), .json, to: .msgpack) == msgpack)
        #expect(try transcode(Array(digits.utf8), .json, to: .cbor) == cbor)
    }

    @Test("a float stays one, also where it is whole, and 32 bits stay 32")
    func floats() throws {
        #expect(try toJSON([0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0], from: .msgpack) == "1.0")
        #expect(try toJSON([0xfa, 0x3f, 0xc0, 0, 0], from: .cbor) == "1.5")
        #expect(try toJSON([0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0], from: .msgpack) == "-0.0")
        let single: [UInt8] = [0xca, 0x3d, 0xcc, 0xcc, 0xcd]
        #expect(try transcode(single, .msgpack, to: .cbor) == [0xfa, 0x3d, 0xcc, 0xcc, 0xcd])
        #expect(try transcode(Array("1e0".utf8), .json, to: .msgpack).first == 0xcb)
        #expect(
            refusal(Array("1e400".utf8), .json, .cbor)
                == "args.0 is a number larger than any double")
    }

    @Test(
        "a half of CBOR has its value",
        arguments: [
            (0x3c00, 1.0), (0xc400, -4.0), (0x7bff, 65504.0), (0x0001, 5.960464477539063e-08),
            (0x0400, 0.00006103515625), (0x8000, -0.0), (0x7c00, .infinity),
        ] as [(UInt16, Double)])
    func halves(_ bits: UInt16, _ value: Double) throws {
        let item = [0xf9, UInt8(bits >> 8), UInt8(bits & 255)]
        #expect(try Payload.argument(item, in: .cbor).values().args == [.double(value)])
    }

    @Test(
        "integers beyond 64 bits are exact between JSON and CBOR, and in values",
        arguments: [
            "18446744073709551616", "-9223372036854775809", "-18446744073709551616",
            "-18446744073709551617", "340282366920938463463374607431768211456",
            "1000000000000000000", "1000000000000000000000000000000000000",
            "1" + String(repeating: "0", count: 5000), "-" + String(repeating: "9", count: 5000),
        ])
    func hugeIntegers(_ digits: String) throws {
        let json = Payload.argument(Array(digits.utf8), in: .json)
        let cbor = try json.transcoded(to: .cbor)
        #expect(try cbor.transcoded(to: .json).text == "[\(digits)]")
        #expect(try cbor.values().args == json.values().args)
        let again = try Payload(args: json.values().args, as: .cbor)
        #expect(again == cbor)
    }

    @Test("the longest integer goes from CBOR to JSON and back; the next one goes neither way")
    func longestIntegers() throws {
        for (tag, sign) in [(UInt8(0xc2), ""), (0xc3, "-")] {
            func item(_ bytes: [UInt8]) -> [UInt8] {
                [tag, 0x59, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
            }
            let longest = item([UInt8](repeating: 0xff, count: 16_384))
            let digits = try toJSON(longest, from: .cbor)
            #expect(digits.utf8.count == sign.utf8.count + 39_457, "\(sign)")
            #expect(try transcode(Array(digits.utf8), .json, to: .cbor) == longest, "\(sign)")
            #expect(
                try Payload.argument(longest, in: .cbor).values().args.count == 1, "\(sign)")
            // 2^131072 - 1 and -2^131072 end with 5 and 6.
            let last = try #require(digits.last?.wholeNumberValue)
            let next = digits.dropLast() + "\(last + 1)"
            #expect(refusal(Array(next.utf8), .json, .cbor)?.contains("too long") ?? false)
            let further = item([1] + [UInt8](repeating: 0, count: 16_384))
            #expect(refusal(further, .cbor, .json)?.contains("too long") ?? false)
        }
    }

    @Test("bignums of CBOR are integers, also those that 64 bits hold")
    func bignums() throws {
        let nine: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(try toJSON([0xc2, 0x49] + nine, from: .cbor) == "18446744073709551616")
        #expect(try toJSON([0xc3, 0x49] + nine, from: .cbor) == "-18446744073709551617")
        #expect(try toJSON([0xc2, 0x43, 0, 1, 0], from: .cbor) == "256")
        #expect(try transcode([0xc3, 0x41, 0], .cbor, to: .msgpack) == [0xff])
        #expect(try toJSON([0xc2, 0x40], from: .cbor) == "0")
        #expect(try toJSON([0xc2, 0x5f, 0x41, 1, 0x41, 2, 0xff], from: .cbor) == "258")
        // A tag before the tag is passed over; one between it and the bytes makes them binary.
        #expect(try toJSON([0xd9, 0xd9, 0xf7, 0xc2, 0x41, 7], from: .cbor) == "7")
        #expect(try toJSON([0xc2, 0xd9, 0xd9, 0xf7, 0x41, 7], from: .cbor) == #""\u0000Bw==""#)
        let bottom: [UInt8] = [0x3b] + [UInt8](repeating: 0xff, count: 8)
        #expect(try toJSON(bottom, from: .cbor) == "-18446744073709551616")
        #expect(
            try transcode(Array("-18446744073709551616".utf8), .json, to: .cbor) == bottom)
    }

    /// Why one argument cannot be brought into another serializer.
    private func refusal(_ item: [UInt8], _ source: Serializer, _ target: Serializer) -> String? {
        do throws(TranscodingError) {
            _ = try Payload.argument(item, in: source).transcoded(to: target)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("what the other serializer cannot hold is refused, with its place")
    func unrepresentable() {
        let big = Array(#"{"a":[1,18446744073709551616]}"#.utf8)
        #expect(
            refusal(big, .json, .msgpack)
                == "args.0.a.1 is an integer beyond 64 bits, which MessagePack cannot hold")
        for (bits, claim) in [(0x7ff8, "NaN"), (0x7ff0, "infinite"), (0xfff0, "infinite")] {
            let item = [0xcb, UInt8(bits >> 8), UInt8(bits & 255), 0, 0, 0, 0, 0, 0]
            #expect(
                refusal(item, .msgpack, .json) == "args.0 is \(claim), which JSON cannot hold",
                "\(bits)")
            #expect(refusal(item, .msgpack, .cbor) == nil, "\(bits)")
        }
        #expect(refusal([0xf9, 0x7e, 0], .cbor, .json)?.contains("NaN") ?? false)
        #expect(
            refusal([0xa5, 0, 0x41, 0x51, 0x49, 0x3d], .msgpack, .json)
                == "args.0 is a text that would be binary in JSON")
        #expect(refusal([0xa2, 0, 0x41], .msgpack, .json) == nil)
        #expect(
            refusal([0x81, 0xc0, 1], .msgpack, .json)
                == "args.0 has a key that is no text, integer or bool, which JSON cannot hold")
        #expect(
            refusal([0x82, 0xa1, 0x31, 1, 1, 2], .msgpack, .json)
                == "args.0 has two keys that are the same text in JSON")
        // An "é" of one character is not that of two.
        let accents: [UInt8] = [0xa3, 1, 1, 0x62, 0xc3, 0xa9, 2, 0x63, 0x65, 0xcc, 0x81, 3]
        #expect(refusal(accents, .cbor, .json) == nil)
        let long = Array(String(repeating: "9", count: 100_000).utf8)
        #expect(refusal(long, .json, .cbor)?.contains("too long") ?? false)
    }

    @Test("keys that are integers or bools become their JSON text, others stay in MessagePack")
    func keys() throws {
        let map: [UInt8] = [
            0xa4, 0x01, 0x61, 0x61, 0x20, 0x61, 0x62, 0xf5, 0xa1, 0x00, 0x00, 0x61, 0x78, 0xf6,
        ]
        #expect(try toJSON(map, from: .cbor) == #"{"1":"a","-1":"b","true":{"0":0},"x":null}"#)
        #expect(
            try transcode(map, .cbor, to: .msgpack) == [
                0x84, 0x01, 0xa1, 0x61, 0xff, 0xa1, 0x62, 0xc3, 0x81, 0x00, 0x00, 0xa1, 0x78, 0xc0,
            ])
        let big: [UInt8] = [0xa1, 0x1b] + [UInt8](repeating: 0xff, count: 8) + [1]
        #expect(try toJSON(big, from: .cbor) == #"{"18446744073709551615":1}"#)
        let anything: [UInt8] = [0xa3, 0xf6, 1, 0x81, 5, 2, 0x41, 9, 3]
        let msgpack = try transcode(anything, .cbor, to: .msgpack)
        #expect(msgpack == [0x83, 0xc0, 1, 0x91, 5, 2, 0xc4, 1, 9, 3])
        #expect(try transcode(msgpack, .msgpack, to: .cbor) == anything)
        let values = try Payload.argument(map, in: .cbor).values().args
        #expect(Payload(args: values, as: .json).text.hasPrefix(#"[{"1":"a","-1""#))
        #expect(Array(Payload(args: values, as: .cbor).bytes.readableBytesView.dropFirst()) == map)
    }

    @Test("arguments that a serializer cannot hold, or nested too deep, have a flaw")
    func flaws() throws {
        let big = try JSONText.parse("18446744073709551616")
        #expect(Payload(args: [big], as: .cbor).flaw == nil)
        #expect(Payload(args: [big], as: .msgpack).flaw?.hasPrefix("args.0 is an integer") ?? false)
        #expect(
            Payload(kwargs: ["a": [.double(.nan)]], as: .json).flaw?.hasPrefix("kwargs.a.0")
                ?? false)
        let keys: Value = .map([Value.MapEntry(nil, 1)])
        #expect(Payload(args: [keys], as: .json).flaw != nil)
        #expect(Payload(args: [keys], as: .msgpack).flaw == nil)
        for serializer in Serializer.allCases {
            for (levels, isFine) in [(62, true), (63, false)] {
                var value: Value = []
                for _ in 1..<levels { value = [value] }
                #expect(
                    (Payload(args: [value], as: serializer).flaw == nil) == isFine,
                    "\(serializer) \(levels)")
                #expect(
                    (Payload(kwargs: ["a": value], as: serializer).flaw == nil) == isFine,
                    "\(serializer) \(levels)")
            }
        }
    }

    @Test("the specification's example of binary in JSON, both ways")
    func binary() throws {
        let bytes: [UInt8] = [
            0x10, 0xe3, 0xff, 0x90, 0x53, 0x07, 0x5c, 0x52, 0x6f, 0x5f, 0xc0, 0x6d, 0x4f, 0xe3,
            0x7c,
            0xdb,
        ]
        let text = #""\u0000EOP/kFMHXFJvX8BtT+N82w==""#
        #expect(try toJSON([0xc4, 16] + bytes, from: .msgpack) == text)
        #expect(try transcode(Array(text.utf8), .json, to: .cbor) == [0x50] + bytes)
    }

    @Test("binary is found at any depth, never in a key")
    func nestedBinary() throws {
        let json = #"[[{"\u0000AQI=":"\u0000AQI="}]]"#
        let payload = Payload(bytes: ByteBuffer(string: json), serializer: .json, shape: .arguments)
        #expect(try payload.values().args == [[["\u{0}AQI=": .binary([1, 2])]]])
        #expect(try payload.transcoded(to: .cbor).transcoded(to: .json).text == json)
    }

    @Test(
        "what follows U+0000 and is no base64 is text",
        arguments: ["A", "AQI", "AQ=I", "====", "AQI=AQI=", "A===", "AQI*", "AR==", "äö"])
    func malformedBase64(_ text: String) throws {
        let item = Array(#""\u0000\#(text)""#.utf8)
        #expect(try Payload.argument(item, in: .json).values().args == [.string("\u{0}" + text)])
    }

    @Test("pairs of surrogates become their character; half a pair is refused")
    func surrogates() throws {
        let item = Array(#""x\ud83d\ude42""#.utf8)
        #expect(try Payload.argument(item, in: .json).values().args == ["x🙂"])
        for half in [#""\ud800x""#, #""\udc00""#, #""\ud800\ud83d""#, #"{"\ud83d":1}"#] {
            #expect(
                refusal(Array(half.utf8), .json, .cbor)?.contains("half a surrogate pair") ?? false,
                "\(half)")
            #expect(throws: ProtocolViolation.self, "\(half)") {
                try Payload.argument(Array(half.utf8), in: .json).values()
            }
        }
    }

    @Test(
        "an extension of MessagePack becomes binary; tags, undefined and simple values of CBOR go")
    func foreignTypes() throws {
        #expect(try transcode([0xd5, 5, 1, 2], .msgpack, to: .cbor) == [0x42, 1, 2])
        #expect(try transcode([0xc7, 0, 5], .msgpack, to: .cbor) == [0x40])
        #expect(try toJSON([0xf7], from: .cbor) == "null")
        #expect(try toJSON([0xe5], from: .cbor) == "null")
        #expect(try toJSON([0xc0, 0x61, 0x78], from: .cbor) == #""x""#)
    }

    @Test("containers of unknown length get the header that their count needs")
    func counts() throws {
        for count in [0, 1, 15, 16, 23, 24, 255, 256, 65_535, 65_536] {
            let list = Value.list((0..<count).map { _ in .int(1) })
            var dictionary = Value.Dictionary()
            for index in 0..<count { dictionary.append("\(index)", .bool(true)) }
            for serializer in [Serializer.msgpack, .cbor] {
                let values: [Value] = [list, .dictionary(dictionary)]
                let expected = Payload(args: values, as: serializer)
                let json = Payload(args: values, as: .json)
                #expect(
                    try json.transcoded(to: serializer).bytes == expected.bytes,
                    "\(count) \(serializer)")
            }
        }
    }

    @Test("a payload of more than a million elements is refused, one of a million is not")
    func bound() throws {
        // The list itself counts.
        for (count, isFine) in [(999_999, true), (1_000_000, false)] {
            let bytes: [UInt8] = [0xdd] + (0..<4).map { UInt8(count >> (24 - 8 * $0) & 255) }
            let payload = Payload(
                bytes: ByteBuffer(bytes: bytes + [UInt8](repeating: 0xc0, count: count)),
                serializer: .msgpack, shape: .arguments)
            if isFine {
                #expect(try payload.transcoded(to: .cbor).count == count + 5, "\(count)")
            } else {
                #expect(throws: TranscodingError.tooManyElements, "\(count)") {
                    try payload.transcoded(to: .cbor)
                }
                #expect(throws: ProtocolViolation.self, "\(count)") { try payload.values() }
            }
        }
    }

    @Test("an encrypted payload is transcoded as the one element it is")
    func opaque() throws {
        let payload = Payload(
            bytes: ByteBuffer(bytes: [0xc4, 2, 1, 2]), serializer: .msgpack, shape: .opaque)
        let json = try payload.transcoded(to: .json)
        #expect(json.text == #""\u0000AQI=""#)
        #expect(json.shape == .opaque)
        #expect(try json.values().args == [.binary([1, 2])])
    }

    @Test("a megabyte of text with an escape in its midst survives the tour")
    func largeText() throws {
        let half = String(repeating: "0123456789abcdeé", count: 32_768)
        let values: [Value] = [.string(half + "\"\u{1}" + half)]
        let json = Payload(args: values, as: .json)
        let tour = try json.transcoded(to: .msgpack).transcoded(to: .cbor).transcoded(to: .json)
        #expect(tour == json)
        #expect(try tour.values().args == values)
    }

    @Test(
        "random payloads come back byte for byte from a tour through the others", arguments: 0..<40)
    func tours(_ seed: UInt64) throws {
        var random = ValueGenerator(seed: seed)
        for round in 0..<10 {
            let args = random.list()
            let kwargs = random.dictionary()
            for a in Serializer.allCases {
                let original = Payload(args: args, kwargs: kwargs, as: a)
                let values = try original.values()
                #expect(values.args == args, "\(round) \(a)")
                #expect(values.kwargs == kwargs, "\(round) \(a)")
                for b in Serializer.allCases {
                    for c in Serializer.allCases {
                        let tour = try original.transcoded(to: b).transcoded(to: c)
                            .transcoded(to: a)
                        #expect(tour == original, "\(round) \(a) \(b) \(c)")
                    }
                }
            }
        }
    }
}
