// What is a message, and what is a violation.

import NIOCore
import Testing
import WAMP

struct MessageDecodingTests {
    @Test("a CALL's parts come back as they were sent", arguments: Serializer.allCases)
    func call(_ serializer: Serializer) throws {
        let message = try decode(
            #"[48,7,{"timeout":250,"receive_progress":true,"_mine":[1]},"com.a",["x"],{"k":null}]"#,
            as: serializer)
        guard case .call(let call) = message else {
            Issue.record("not a CALL")
            return
        }
        #expect(call.request == RequestID(7))
        #expect(call.options.timeout == 250)
        #expect(call.options.receiveProgress)
        #expect(!call.options.progress)
        #expect(call.options.custom == ["_mine": [1]])
        #expect(call.procedure == "com.a")
        let values = try call.payload.values()
        #expect(values.args == ["x"])
        #expect(values.kwargs == ["k": nil])
    }

    @Test("the payload is the tail of the frame, byte for byte")
    func payloadSlice() throws {
        let message = try decode(#" [48, 7, {}, "com.a" , [ "x" ] , {"k": 1e0 } ] "#)
        #expect(message.payload.text == #"[ "x" ] , {"k": 1e0 }"#)
        #expect(message.payload.shape == .argumentsAndKeywords)
    }

    @Test(
        "empty arguments are the same as none",
        arguments: [
            "", ",[]", ",[],{}", ",[ ],{ }", ",null", ",null,null", ",[],null", ",null,{}",
        ],
        Serializer.allCases)
    func emptyPayload(_ tail: String, _ serializer: Serializer) throws {
        let message = try decode(#"[48,7,{},"com.a"\#(tail)]"#, as: serializer)
        #expect(message.payload.isEmpty)
    }

    @Test("an empty ArgumentsKw is dropped, an empty Arguments before keywords is kept")
    func halfEmptyPayload() throws {
        #expect(try decode(#"[50,7,{},[1],{}]"#).payload.text == "[1]")
        let keywords = try decode(#"[50,7,{},[],{"a":1}]"#).payload
        #expect(keywords.text == #"[],{"a":1}"#)
        #expect(keywords.shape == .argumentsAndKeywords)
    }

    @Test(
        "null in the place of arguments is their absence, in every message that has some",
        arguments: [
            #"48,7,{},"com.a""#, "50,7,{}", #"16,7,{},"com.a""#, "36,7,8,{}", "70,7,{}",
            "68,7,8,{}", #"8,68,7,{},"com.a""#, #"48,7,{"timeout":5},"com.a""#,
        ], Serializer.allCases)
    func nullArguments(_ front: String, _ serializer: Serializer) throws {
        let keywords = try decode(#"[\#(front),null,{"x":1}]"#, as: serializer)
        #expect(try keywords.payload.values().args == [])
        #expect(try keywords.payload.values().kwargs == ["x": 1])
        #expect(try json(keywords) == #"[\#(front),[],{"x":1}]"#)
        let list = try decode("[\(front),[1],null]", as: serializer)
        #expect(try json(list) == "[\(front),[1]]")
        #expect(try json(try decode("[\(front),null]", as: serializer)) == "[\(front)]")
        for tail in ["null,null,null", "null,[]", "null,1", "1,null", "null,true"] {
            #expect(violation("[\(front),\(tail)]", as: serializer) != nil, "\(tail)")
        }
    }

    @Test("a URI with escapes is decoded, one without is not copied")
    func escapedURI() throws {
        guard case .call(let call) = try decode(#"[48,7,{},"com.\u0061\ud83d\ude42"]"#) else {
            Issue.record("not a CALL")
            return
        }
        #expect(call.procedure == "com.a🙂")
    }

    @Test(
        "a list too short or too long is a violation that names what is wrong",
        arguments: [
            ("[]", "empty"), ("[48]", "CALL.Request"), ("[48,1]", "CALL.Options"),
            ("[48,1,{}]", "CALL.Procedure"), (#"[48,1,{},"a",[],{},1]"#, "too many"),
            (#"[64,1,{},"a",[]]"#, "too many"), ("[17,1]", "PUBLISHED.Publication"),
            ("[67]", "UNREGISTERED.Request"), ("[67,0]", "UNREGISTERED.Details"),
            ("[67,1,{}]", "too many"), (#"[1,"r"]"#, "HELLO.Details"),
        ])
    func length(_ message: String, _ sentence: String) {
        for serializer in Serializer.allCases {
            #expect(
                violation(message, as: serializer)?.contains(sentence) ?? false, "\(serializer)")
        }
    }

    @Test(
        "an element of a wrong type is a violation that names it",
        arguments: [
            ("7", "list"), ("{}", "list"), (#"["48"]"#, "type code"),
            (#"[48,"1",{},"a"]"#, "CALL.Request"), (#"[48,1,[],"a"]"#, "CALL.Options"),
            (#"[48,1,null,"a"]"#, "CALL.Options"), (#"[48,1,{},7]"#, "CALL.Procedure"),
            (#"[48,1,{},"a",7]"#, "CALL.Arguments"), (#"[48,1,{},"a","x"]"#, "CALL.Arguments"),
            (#"[48,1,{},"a",{}]"#, "CALL.Arguments"), (#"[48,1,{},"a",true]"#, "CALL.Arguments"),
            (#"[48,1,{},"a",[],[]]"#, "CALL.ArgumentsKw"), (#"[4,1,{}]"#, "CHALLENGE.AuthMethod"),
            (#"[8,68,1,{},5]"#, "ERROR.Error"), (#"[8,"68",1,{},"e"]"#, "ERROR.Request Type"),
            (#"[8,50,1,{},"e"]"#, "ERROR.Request Type"), (#"[8,7,1,{},"e"]"#, "ERROR.Request Type"),
        ])
    func elementType(_ message: String, _ sentence: String) {
        #expect(violation(message)?.contains(sentence) ?? false)
    }

    @Test("a type code that no message has is a violation", arguments: [0, 7, 9, 37, 256, 70000])
    func typeCode(_ code: Int) {
        #expect(violation("[\(code),1,{}]")?.contains("type code \(code)") ?? false)
    }

    @Test("an id is an integer in 1 ... 2^53", arguments: Serializer.allCases)
    func ids(_ serializer: Serializer) {
        for id in ["1", "9007199254740992"] {
            #expect(violation("[17,\(id),1]", as: serializer) == nil, "\(id)")
        }
        for id in [
            "0", "-1", "9007199254740993", "18446744073709551615", "true", "0.0", "-1.0", "1.5",
            "9007199254740994.0", "1e300",
        ] {
            let sentence = violation("[17,\(id),1]", as: serializer)
            #expect(sentence?.contains("PUBLISHED.Request") ?? false, "\(id)")
        }
    }

    @Test("an id may be a whole float, as JavaScript writes it in MessagePack and CBOR")
    func wholeFloats() throws {
        for id in ["1.0", "1e3", "9007199254740992.0"] {
            let number = try #require(Double(id).flatMap(UInt64.init(exactly:)), "\(id)")
            let unsubscribe = Message.unsubscribe(
                Unsubscribe(request: RequestID(7), subscription: SubscriptionID(number)))
            for serializer in [Serializer.msgpack, .cbor] {
                #expect(try decode("[34,7.0,\(id)]", as: serializer) == unsubscribe)
            }
            #expect(
                violation("[34,7,\(id)]")?.contains("UNSUBSCRIBE.Subscription") ?? false, "\(id)")
        }
        // 7 as a float of each width.
        for bytes in [[0xca, 0x40, 0xe0, 0, 0], [0xcb, 0x40, 0x1c, 0, 0, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(violation([0x93, 17, 1] + bytes, as: .msgpack) == nil, "\(bytes)")
        }
        for bytes in [
            [0xf9, 0x47, 0], [0xfa, 0x40, 0xe0, 0, 0], [0xfb, 0x40, 0x1c, 0, 0, 0, 0, 0, 0],
            [0xc2, 0x41, 7],
        ] as [[UInt8]] {
            #expect(violation([0x83, 17, 1] + bytes, as: .cbor) == nil, "\(bytes)")
        }
        for bytes in [[0xf9, 0x7e, 0], [0xf9, 0x7c, 0], [0xf5], [0xf6]] as [[UInt8]] {
            #expect(violation([0x83, 17, 1] + bytes, as: .cbor) != nil, "\(bytes)")
        }
    }

    @Test("request 0 with details is a revocation, and only of a registration or subscription")
    func revocation() throws {
        let registration = try decode(#"[67,0,{"registration":5,"reason":"a.b"}]"#)
        #expect(
            registration
                == .unregistered(
                    Unregistered(request: nil, details: ["registration": 5, "reason": "a.b"])))
        #expect(
            try decode(#"[35,0,{"subscription":5}]"#)
                == .unsubscribed(Unsubscribed(request: nil, details: ["subscription": 5])))
        #expect(violation(#"[67,0,{"registration":true}]"#)?.contains("registration") ?? false)
        #expect(violation("[65,0,1]")?.contains("REGISTERED.Request") ?? false)
    }

    @Test("bytes after the end are a violation; white space after JSON is not")
    func trailingBytes() {
        #expect(violation("[17,1,1] \n") == nil)
        #expect(violation("[17,1,1]x")?.contains("bytes follow") ?? false)
        #expect(violation([0x93, 17, 1, 1, 0xc0], as: .msgpack)?.contains("bytes follow") ?? false)
        #expect(violation([0x83, 17, 1, 1, 0xf6], as: .cbor)?.contains("bytes follow") ?? false)
    }

    @Test("nothing at all is a violation", arguments: Serializer.allCases)
    func nothing(_ serializer: Serializer) {
        #expect(violation([], as: serializer) != nil)
    }

    @Test("a key that occurs twice is refused in options, at any depth, and passed in payloads")
    func duplicateKeys() {
        #expect(violation(#"[48,1,{"_aa":1,"_aa":1},"a"]"#)?.contains("twice") ?? false)
        #expect(violation(#"[48,1,{"_aa":1,"_\u0061a":1},"a"]"#)?.contains("twice") ?? false)
        #expect(violation(#"[48,1,{"progress":true,"progress":true},"a"]"#) != nil)
        #expect(violation(#"[48,1,{"_x":{"b":1,"b":1}},"a"]"#)?.contains("twice") ?? false)
        let many = (0..<20).map { #""_key\#($0)":1"# }.joined(separator: ",")
        #expect(violation(#"[48,1,{\#(many)},"a"]"#) == nil)
        #expect(violation(#"[48,1,{\#(many),"_key3":1},"a"]"#)?.contains("_key3") ?? false)
        #expect(violation(#"[48,1,{\#(many),"_key19":1},"a"]"#)?.contains("_key19") ?? false)
        #expect(violation(#"[48,1,{},"a",[{"b":1,"b":1}]]"#) == nil)
    }

    @Test("one encrypted element stands for the payload only where enc_algo names the algorithm")
    func opaquePayload() throws {
        let message = try decode(#"[48,1,{"enc_algo":"x_mine"},"a","text"]"#)
        #expect(message.payload.shape == .opaque)
        #expect(message.payload.text == #""text""#)
        #expect(try message.payload.values().args == ["text"])
        #expect(violation(#"[48,1,{"enc_algo":"x_mine"},"a","text",{}]"#) != nil)
        #expect(violation(#"[48,1,{"enc_algo":"aes"},"a","text"]"#)?.contains("enc_algo") ?? false)
        #expect(violation(#"[48,1,{"enc_algo":"mqtt"},"a",["text"]]"#) == nil)
    }

    @Test("a plain MessagePack message and one of other widths are the same message")
    func widths() throws {
        let uri: [UInt8] = [0x61, 0x2e, 0x62]
        let plain: [UInt8] = [0x96, 48, 7, 0x80, 0xa3] + uri + [0x91, 1, 0x81, 0xa1, 0x6b, 2]
        let wide: [UInt8] =
            [0xdc, 0, 6, 0xcd, 0, 48, 0xd3, 0, 0, 0, 0, 0, 0, 0, 7, 0xde, 0, 0, 0xda, 0, 3] + uri
            + [0x91, 1, 0x81, 0xa1, 0x6b, 2]
        let message = try MessageCoder.decode(ByteBuffer(bytes: plain), as: .msgpack)
        #expect(try MessageCoder.decode(ByteBuffer(bytes: wide), as: .msgpack) == message)
        #expect(try json(message) == #"[48,7,{},"a.b",[1],{"k":2}]"#)
    }

    @Test(
        "a plain MessagePack message is held to the same rules as any other",
        arguments: [
            [0x93, 70, 0, 0x80], [0x93, 70, 0xcc], [0x94, 48, 1, 0x80],
            [0x94, 48, 1, 0x80, 0xa2, 0x61],
            [0x94, 48, 1, 0x80, 0xa1, 0xff], [0x95, 48, 1, 0x80, 0xa1, 0x61, 0x80],
            [0x96, 48, 1, 0x80, 0xa1, 0x61, 0x90, 0x90], [0x96, 70, 1, 0x80, 0x90, 0x80, 0x80],
            [0x94, 70, 1, 0x80, 0x91, 0xa1], [0x93, 70, 1, 0x80, 0xc0], [0x94, 70, 1, 0x80],
            [0x93, 70, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1, 0x80], [0x93, 68, 1, 0x80],
        ] as [[UInt8]])
    func plainViolations(_ frame: [UInt8]) {
        #expect(violation(frame, as: .msgpack) != nil)
    }

    @Test("a frame is read from where its reader stands, and so are its slices")
    func offsetFrame() throws {
        for serializer in Serializer.allCases {
            let payload = Payload(args: ["x"], as: serializer)
            let call = Message.call(
                Call(request: RequestID(1), procedure: "com.a", payload: payload))
            var buffer = ByteBuffer(string: "before")
            buffer.writeImmutableBuffer(try MessageCoder.encode(call, as: serializer))
            buffer.moveReaderIndex(forwardBy: 6)
            #expect(try MessageCoder.decode(buffer, as: serializer) == call, "\(serializer)")
        }
    }
}
