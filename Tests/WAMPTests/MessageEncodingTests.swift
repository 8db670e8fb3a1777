// Messages as they leave: compact, canonical, nothing written that is at its default.

import NIOCore
import Testing
import WAMP

struct MessageEncodingTests {
    private static let joe = PeerIdentity(session: SessionID(9), authid: "joe", authrole: "r")

    /// One of each shape, with what it is in JSON.
    private static let messages: [(Message, String)] = {
        let payload = Payload(args: [1], kwargs: ["k": "v"], as: .json)
        var call = Call(request: RequestID(1), procedure: "a.b", payload: payload)
        call.options = CallOptions(timeout: 5, custom: ["_x": 1])
        call.options.progress = true
        call.options.receiveProgress = true
        var invocation = Invocation(request: RequestID(1), registration: RegistrationID(2))
        invocation.details.procedure = "a.\"b"
        invocation.details.timeout = 7
        var event = Event(subscription: SubscriptionID(1), publication: PublicationID(2))
        event.details.topic = "a.b"
        return [
            (
                .call(call),
                #"[48,1,{"timeout":5,"progress":true,"receive_progress":true,"_x":1},"a.b","#
                    + #"[1],{"k":"v"}]"#
            ),
            (.call(Call(request: RequestID(1), procedure: "a")), #"[48,1,{},"a"]"#),
            (.invocation(invocation), #"[68,1,2,{"procedure":"a.\"b","timeout":7}]"#),
            (.yield(Yield(request: RequestID(3), payload: payload)), #"[70,3,{},[1],{"k":"v"}]"#),
            (
                .result(
                    Result(
                        request: RequestID(3), details: OutcomeDetails(progress: true, callee: joe),
                        payload: Payload(args: [true], as: .json))),
                #"[50,3,{"progress":true,"callee":9,"callee_authid":"joe","#
                    + #""callee_authrole":"r"},[true]]"#
            ),
            (
                .error(
                    ErrorMessage(
                        .call, request: RequestID(3),
                        details: OutcomeDetails(callee: PeerIdentity(session: SessionID(4))),
                        error: .canceled)),
                #"[8,48,3,{"callee":4},"wamp.error.canceled"]"#
            ),
            (
                .publish(
                    Publish(
                        request: RequestID(1),
                        options: PublishOptions(acknowledge: true, excludeMe: false), topic: "t")),
                #"[16,1,{"acknowledge":true,"exclude_me":false},"t"]"#
            ),
            (.event(event), #"[36,1,2,{"topic":"a.b"}]"#),
            (
                .register(
                    Register(
                        request: RequestID(1),
                        options: RegisterOptions(
                            invoke: "roundrobin", match: .wildcard, retryOnLoss: true),
                        procedure: "a..b")),
                #"[64,1,{"match":"wildcard","invoke":"roundrobin","_retry_on_loss":true},"a..b"]"#
            ),
            (
                .subscribe(
                    Subscribe(
                        request: RequestID(1), options: SubscribeOptions(match: .prefix), topic: "")
                ), #"[32,1,{"match":"prefix"},""]"#
            ),
            (
                .interrupt(Interrupt(request: RequestID(1), mode: .killnowait)),
                #"[69,1,{"mode":"killnowait"}]"#
            ),
            (.cancel(Cancel(request: RequestID(1))), "[49,1,{}]"),
            (
                .abort(Abort(ProtocolViolation("no"))),
                #"[3,{"message":"no"},"wamp.error.protocol_violation"]"#
            ),
            (.unregistered(Unregistered(request: RequestID(1))), "[67,1]"),
            (
                .unregistered(Unregistered(request: nil, details: ["registration": 4])),
                #"[67,0,{"registration":4}]"#
            ),
        ]
    }()

    @Test("a message is written compactly, its keys in a fixed order", arguments: messages.indices)
    func canonical(_ index: Int) throws {
        let (message, text) = MessageEncodingTests.messages[index]
        #expect(try json(message) == text)
    }

    @Test("what was written is read as the same message", arguments: Serializer.allCases)
    func roundTrip(_ serializer: Serializer) throws {
        for (message, text) in MessageEncodingTests.messages {
            let frame = try MessageCoder.encode(message, as: serializer)
            let copy = try MessageCoder.decode(frame, as: serializer)
            #expect(try json(copy) == text, "\(message)")
        }
    }

    @Test("envelope, payload and closing make up the message", arguments: Serializer.allCases)
    func envelope(_ serializer: Serializer) throws {
        let payload = Payload(args: ["x"], kwargs: ["k": 1], as: serializer)
        let yield = Message.yield(Yield(request: RequestID(3), payload: payload))
        var writer = ByteWriter()
        MessageCoder.encodeEnvelope(yield, payload: payload, as: serializer, into: &writer)
        writer.append(payload.bytes)
        writer.append(serializer.closing)
        #expect(try MessageCoder.decode(writer.byteBuffer(), as: serializer) == yield)
        #expect(try MessageCoder.encode(yield, as: serializer) == writer.byteBuffer())
    }
}
