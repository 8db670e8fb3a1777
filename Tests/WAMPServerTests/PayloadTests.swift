// Payloads as peers send them, through a router: what is wrong with one costs its message, never a
// session.

import Glibc
import NIOCore
import PayloadTrials
import Testing
import WAMP
import WAMPRouter
import WAMPServer

@Suite("Payloads", .timeLimit(.minutes(10))) struct PayloadTests {
    @Test("Random payloads arrive through every pair of serializers or cost their own message")
    func trials() async throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        let report = try await withRouter { port, _ in
            try PayloadTrials(port: port, seed: seed).run(0..<500)
        }
        for finding in report.findings {
            Issue.record("\(finding); to see it again: scripts/payloads 500 --seed \(seed)")
        }
        for outcome in [
            "CALL arrived", "CALL refused", "RESULT arrived", "RESULT refused", "EVENT arrived",
            "EVENT left out", "PUBLISH refused",
        ] {
            #expect(report.counts[outcome, default: 0] > 0, "\(outcome), seed \(seed)")
        }
    }

    private static let features: Features = [
        .progressiveCallResults, .progressiveCallInvocations, .callCanceling,
    ]

    /// A session in JSON that sends what it is told to.
    private func join(_ port: Int) throws -> RawPeer {
        var peer = try RawPeer(port: port)
        try peer.openRawSocket()
        let callee = """
            {"features":{"progressive_call_results":true,"call_canceling":true,\
            "progressive_call_invocations":true}}
            """
        peer.sendFrame(
            """
            [1,"realm1",{"roles":{"caller":{"features":{"progressive_call_invocations":true}},\
            "callee":\(callee),"publisher":{},"subscriber":{}}}]
            """)
        _ = try peer.readFrame()
        return peer
    }

    /// One that answers for `a.b`.
    private func joinAsCallee(_ port: Int) throws -> RawPeer {
        var peer = try join(port)
        peer.sendFrame(#"[64,1,{},"a.b"]"#)
        #expect(try peer.readFrame().hasPrefix("[65,1,"))
        return peer
    }

    private func expectInvocation(
        _ peer: inout RawPeer, _ request: Int, _ tail: String
    ) throws {
        let message = try peer.readFrame()
        #expect(message.hasPrefix("[68,\(request),"), "\(message)")
        #expect(message.hasSuffix("\(tail)]"), "\(message)")
    }

    private func expectRefusal(
        _ peer: inout RawPeer, _ type: Int, _ request: Int, _ words: String
    ) throws {
        let message = try peer.readFrame()
        #expect(message.hasPrefix("[8,\(type),\(request),{"), "\(message)")
        #expect(message.contains(#""wamp.error.invalid_payload",["#), "\(message)")
        #expect(message.contains(words), "\(message)")
    }

    @Test(
        "A CALL whose arguments are no JSON is refused with their place, and its session goes on",
        arguments: [
            ("[NaN]", "args.0: "), (#"[],{"a":[1,Infinity]}"#, "kwargs.a.1: "),
            (#"null,{"a":-Infinity}"#, "kwargs.a: "), ("[01]", "args.0: "),
            ("[\"\\x\"]", "args.0: "),
            (
                "[" + String(repeating: "[", count: 80)
                    + String(repeating: "]", count: 80) + "]", "deeper than 64"
            ),
        ])
    func brokenCall(_ arguments: String, _ words: String) async throws {
        try await withRouter { port, _ in
            var callee = try joinAsCallee(port)
            var caller = try join(port)
            caller.sendFrame(#"[48,1,{},"a.b",\#(arguments)]"#)
            try expectRefusal(&caller, 48, 1, words)
            caller.sendFrame(#"[48,2,{"timeout":60000},"a.b",\#(arguments)]"#)
            try expectRefusal(&caller, 48, 2, words)
            caller.sendFrame(#"[48,3,{},"wamp.session.count",\#(arguments)]"#)
            try expectRefusal(&caller, 48, 3, words)
            caller.sendFrame(#"[48,4,{},"a.b",["fine"]]"#)
            try expectInvocation(&callee, 1, #"["fine"]"#)
        }
    }

    @Test("A YIELD or an ERROR with broken arguments ends its call, and both sessions go on")
    func brokenAnswers() async throws {
        try await withRouter { port, _ in
            var callee = try joinAsCallee(port)
            var caller = try join(port)
            for (request, answer, words) in [
                (1, "[70,1,{},[NaN]]", "args.0: "),
                (2, #"[70,2,{"_x":1},[],{"t":[NaN]}]"#, "kwargs.t.0: "),
                (
                    3, #"[8,68,3,{},"com.example.failed",[Infinity]]"#,
                    "com.example.failed: args.0: "
                ),
            ] {
                caller.sendFrame(#"[48,\#(request),{},"a.b"]"#)
                try expectInvocation(&callee, request, "{}")
                callee.sendFrame(answer)
                try expectRefusal(&caller, 48, request, words)
            }
            caller.sendFrame(#"[48,4,{},"a.b"]"#)
            try expectInvocation(&callee, 4, "{}")
            callee.sendFrame(#"[70,4,{},null,{"x":1}]"#)
            #expect(try caller.readFrame().hasSuffix(#",[],{"x":1}]"#))
        }
    }

    @Test("A broken part of a result or of a call ends the call, and the callee is told")
    func brokenParts() async throws {
        try await withRouter { port, _ in
            var callee = try joinAsCallee(port)
            var caller = try join(port)
            caller.sendFrame(#"[48,1,{"receive_progress":true},"a.b"]"#)
            _ = try callee.readFrame()
            callee.sendFrame(#"[70,1,{"progress":true},[1]]"#)
            #expect(try caller.readFrame().hasSuffix("[1]]"))
            callee.sendFrame(#"[70,1,{"progress":true},[NaN]]"#)
            try expectRefusal(&caller, 48, 1, "args.0: ")
            #expect(try callee.readFrame().hasPrefix("[69,1,"))
            callee.sendFrame(#"[8,68,1,{},"wamp.error.canceled"]"#)

            caller.sendFrame(#"[48,2,{"progress":true},"a.b",[1]]"#)
            #expect(try callee.readFrame().hasSuffix("[1]]"))
            caller.sendFrame(#"[48,2,{"progress":true},"a.b",[NaN]]"#)
            try expectRefusal(&caller, 48, 2, "args.0: ")
            #expect(try callee.readFrame().hasPrefix("[69,2,"))
            // What still comes of that call belongs to no other.
            caller.sendFrame(#"[48,2,{},"a.b",[2]]"#)
            caller.sendFrame(#"[48,3,{},"a.b",[3]]"#)
            try expectInvocation(&callee, 3, "[3]")
        }
    }

    @Test("A PUBLISH with broken arguments is refused if it is acknowledged, and nobody gets it")
    func brokenEvent() async throws {
        try await withRouter { port, _ in
            var subscriber = try join(port)
            subscriber.sendFrame(#"[32,1,{},"a.t"]"#)
            _ = try subscriber.readFrame()
            var publisher = try join(port)
            publisher.sendFrame(#"[16,1,{},"a.t",[NaN]]"#)
            publisher.sendFrame(#"[16,2,{"acknowledge":true,"retain":true},"a.t",[NaN]]"#)
            try expectRefusal(&publisher, 16, 2, "args.0: ")
            publisher.sendFrame(#"[16,3,{},"a.t",null,{"x":1}]"#)
            let event = try subscriber.readFrame()
            #expect(event.hasPrefix("[36,"))
            #expect(event.hasSuffix(#",[],{"x":1}]"#))
            publisher.sendFrame(#"[32,4,{"get_retained":true},"a.t"]"#)
            #expect(try publisher.readFrame().hasPrefix("[33,4,"))
            publisher.sendFrame(#"[48,5,{},"wampctl.router.stats"]"#)
            #expect(try publisher.readFrame().contains(#""events_undeliverable":2"#))
        }
    }

    // MARK: Other serializers

    private func payload(_ bytes: [UInt8], _ serializer: Serializer) -> Payload {
        Payload(copying: bytes, serializer: serializer, shape: .arguments)
    }

    private func expectRefusal(
        _ peer: MessagePeer, _ code: MessageCode, _ request: UInt64, _ words: String
    ) throws {
        guard case .error(let error) = try peer.next() else { throw Breach("no ERROR") }
        #expect(error.requestType == code)
        #expect(error.request == RequestID(request))
        #expect(error.error == .invalidPayload)
        #expect(try error.payload.values().args.first?.string?.contains(words) ?? false)
    }

    @Test("A testament keeps integers beyond 64 bits and keys that are no text")
    func testament() async throws {
        try await withRouter { port, _ in
            let heir = try MessagePeer(port: port, .cbor)
            _ = try heir.join("realm1")
            try heir.send([.subscribe(Subscribe(request: RequestID(1), topic: "a.t"))])
            _ = try heir.next()
            let testator = try MessagePeer(port: port, .cbor)
            _ = try testator.join("realm1")
            // ["a.t", [{1: 2^64}], {}]
            let will: [UInt8] =
                [
                    0x83, 0x63, 0x61, 0x2e, 0x74, 0x81, 0xa1, 1, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0,
                    0,
                ]
                + [0xa0]
            try testator.send([
                .call(
                    Call(
                        request: RequestID(1), procedure: "wamp.session.add_testament",
                        payload: payload(will, .cbor)))
            ])
            guard case .result = try testator.next() else { throw Breach("no RESULT") }
            testator.end(withReset: false)
            guard case .event(let event) = try heir.next() else { throw Breach("no EVENT") }
            #expect(
                JSONText.text(.list(try event.payload.values().args))
                    == #"[{"1":18446744073709551616}]"#)
        }
    }

    @Test("One event that the asker cannot be told leaves the others of a history readable")
    func history() async throws {
        try await withRouter {
            $0.realms[0].settings.topics = [TopicSettings(URIPattern("a.t"), history: 10)]
        } _: { port, _ in
            let publisher = try MessagePeer(port: port, .cbor)
            _ = try publisher.join("realm1")
            let deep = [UInt8](repeating: 0x81, count: 62) + [0x80]
            let payloads: [[UInt8]] = [
                [0x81, 1], [0x81, 0xf9, 0x7e, 0], deep, [0x81, 0xa1, 0xf6, 1],
                [0x81, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            ]
            for (index, bytes) in payloads.enumerated() {
                try publisher.send([
                    .publish(
                        Publish(
                            request: RequestID(UInt64(index + 1)),
                            options: PublishOptions(acknowledge: true), topic: "a.t",
                            payload: payload(bytes, .cbor)))
                ])
                guard case .published = try publisher.next() else { throw Breach("no PUBLISHED") }
            }
            let readable: [(Serializer, [Bool])] = [
                (.json, [true, false, false, false, true]),
                (.msgpack, [true, true, false, true, false]),
                (.cbor, [true, true, false, true, true]),
            ]
            for (serializer, expected) in readable {
                let asker = try MessagePeer(port: port, serializer)
                _ = try asker.join("realm1")
                let lookup = Payload(args: ["a.t"], as: serializer)
                try asker.send([
                    .call(
                        Call(
                            request: RequestID(1), procedure: "wamp.subscription.lookup",
                            payload: lookup))
                ])
                guard case .result(let found) = try asker.next() else { throw Breach("no RESULT") }
                let id = Payload(args: try found.payload.values().args, as: serializer)
                try asker.send([
                    .call(
                        Call(
                            request: RequestID(2), procedure: "wamp.subscription.get_events",
                            payload: id))
                ])
                guard case .result(let result) = try asker.next() else {
                    throw Breach("no RESULT in \(serializer)")
                }
                let entries = try result.payload.values().args.compactMap(\.dictionary)
                #expect(entries.map { $0["args"] != nil } == expected, "\(serializer)")
                for entry in entries where entry["args"] == nil {
                    #expect(
                        entry["error"] == "wamp.error.invalid_payload", "\(serializer) \(entry)")
                    #expect(
                        entry["message"]?.string?.hasPrefix("args.") ?? false,
                        "\(serializer) \(entry)")
                    #expect(entry["publication"] != nil, "\(serializer) \(entry)")
                }
            }
        }
    }

    @Test("A HELLO nested too deep for the authenticator is refused alone, and it serves the next")
    func deepAuthextra() async throws {
        try await withRouter {
            $0.realms[0].principals.anonymousRole = nil
            $0.realms[0].principals.users = [
                Principal(authid: "authn", role: "authn", credentials: [.ticket("secret")])
            ]
            $0.realms[0].principals.authenticator = "com.example.authn"
        } _: { port, _ in
            func hello(_ authid: String, _ extra: String) -> String {
                """
                [1,"realm1",{"roles":{"caller":{},"callee":{}},"authmethods":["ticket"],\
                "authid":"\(authid)","authextra":{"x":\(extra)}}]
                """
            }
            var authenticator = try RawPeer(port: port)
            try authenticator.openRawSocket()
            authenticator.sendFrame(hello("authn", "1"))
            #expect(try authenticator.readFrame().hasPrefix("[4,"))
            authenticator.sendFrame(#"[5,"secret",{}]"#)
            #expect(try authenticator.readFrame().hasPrefix("[2,"))
            authenticator.sendFrame(#"[64,1,{},"com.example.authn"]"#)
            #expect(try authenticator.readFrame().hasPrefix("[65,"))

            for (levels, isFine) in [(61, false), (60, true)] {
                var peer = try RawPeer(port: port)
                try peer.openRawSocket()
                let extra =
                    String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
                peer.sendFrame(hello("dora", extra))
                #expect(try peer.readFrame().hasPrefix("[4,"), "\(levels)")
                peer.sendFrame(#"[5,"whatever",{}]"#)
                if isFine {
                    #expect(try authenticator.readFrame().hasPrefix("[68,1,"), "\(levels)")
                    authenticator.sendFrame(#"[70,1,{},["guest"]]"#)
                    #expect(try peer.readFrame().hasPrefix("[2,"), "\(levels)")
                } else {
                    let abort = try peer.readFrame()
                    #expect(abort.hasPrefix("[3,"), "\(levels)")
                    #expect(abort.contains("nested deeper than 64"), "\(levels)")
                }
            }
        }
    }

    @Test("Who cannot be sent an event in the own serializer does not get it; all others do")
    func audience() async throws {
        try await withRouter { port, _ in
            var subscribers: [MessagePeer] = []
            for serializer in Serializer.allCases + [.json] {
                let peer = try MessagePeer(port: port, serializer)
                _ = try peer.join("realm1")
                try peer.send([.subscribe(Subscribe(request: RequestID(1), topic: "a.t"))])
                _ = try peer.next()
                subscribers.append(peer)
            }
            let publisher = try MessagePeer(port: port, .msgpack)
            _ = try publisher.join("realm1")
            let nan = payload([0x91, 0xca, 0x7f, 0xc0, 0, 0], .msgpack)
            for (number, payload) in [(1, nan), (2, Payload(args: ["end"], as: .msgpack))] {
                try publisher.send([
                    .publish(
                        Publish(
                            request: RequestID(UInt64(number)),
                            options: PublishOptions(acknowledge: true), topic: "a.t",
                            payload: payload))
                ])
                guard case .published = try publisher.next() else { throw Breach("no PUBLISHED") }
            }
            for peer in subscribers {
                guard case .event(var event) = try peer.next() else { throw Breach("no EVENT") }
                if peer.serializer != .json {
                    guard case .double(let number)? = try event.payload.values().args.first else {
                        throw Breach("no NaN for \(peer.serializer)")
                    }
                    #expect(number.isNaN, "\(peer.serializer)")
                    guard case .event(let next) = try peer.next() else { throw Breach("no EVENT") }
                    event = next
                }
                #expect(try event.payload.values().args == ["end"], "\(peer.serializer)")
            }
            try publisher.send([
                .call(Call(request: RequestID(3), procedure: "wampctl.router.stats"))
            ])
            guard case .result(let result) = try publisher.next() else { throw Breach("no RESULT") }
            let stats = try result.payload.values().args.first?.dictionary
            #expect(stats?["events_undeliverable"] == 2)
            #expect(stats?["events_delivered"] == 6)
        }
    }

    @Test("An integer beyond 64 bits for a callee of MessagePack ends its call only")
    func bigIntegers() async throws {
        try await withRouter { port, _ in
            let callee = try MessagePeer(port: port, .msgpack)
            _ = try callee.join("realm1", PayloadTests.features)
            try callee.send([.register(Register(request: RequestID(1), procedure: "a.b"))])
            _ = try callee.next()
            let caller = try MessagePeer(port: port, .json)
            _ = try caller.join("realm1")
            let big = payload(Array("[18446744073709551616]".utf8), .json)
            try caller.send([
                .call(Call(request: RequestID(1), procedure: "a.b", payload: big)),
                .call(Call(request: RequestID(2), procedure: "a.b")),
            ])
            try expectRefusal(caller, .call, 1, "args.0 is an integer beyond 64 bits")
            guard case .invocation(let invocation) = try callee.next() else {
                throw Breach("no INVOCATION")
            }
            #expect(invocation.payload.isEmpty)
            // The answer: {null: 1}, which JSON lacks.
            let odd = payload([0x91, 0x81, 0xc0, 1], .msgpack)
            try callee.send([.yield(Yield(request: invocation.request, payload: odd))])
            try expectRefusal(caller, .call, 2, "args.0 has a key that is no text")
            try caller.send([.call(Call(request: RequestID(3), procedure: "a.b"))])
            guard case .invocation(let last) = try callee.next() else {
                throw Breach("no INVOCATION")
            }
            // {1: "a"}
            let keys = payload([0x91, 0x81, 1, 0xa1, 0x61], .msgpack)
            try callee.send([.yield(Yield(request: last.request, payload: keys))])
            guard case .result(let result) = try caller.next() else { throw Breach("no RESULT") }
            #expect(try result.payload.values().args == [["1": "a"]])
        }
    }
}
