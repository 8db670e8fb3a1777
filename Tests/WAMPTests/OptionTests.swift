// Options and details: their types, and where they go.

import NIOCore
import Testing
import WAMP

struct OptionTests {
    @Test(
        "SR-09: a known option of a wrong type is a violation that names it",
        arguments: [
            (#"[48,1,{"timeout":"1"},"a"]"#, "timeout"), (#"[48,1,{"timeout":-1},"a"]"#, "timeout"),
            (#"[48,1,{"timeout":1.5},"a"]"#, "timeout"),
            (#"[48,1,{"progress":1},"a"]"#, "progress"),
            (#"[48,1,{"receive_progress":0},"a"]"#, "receive_progress"),
            (#"[48,1,{"disclose_me":"yes"},"a"]"#, "disclose_me"),
            (#"[48,1,{"ppt_scheme":1},"a"]"#, "ppt_scheme"),
            (#"[64,1,{"invoke":1},"a"]"#, "invoke"), (#"[64,1,{"invoke":null},"a"]"#, "invoke"),
            (#"[64,1,{"invoke":["single"]},"a"]"#, "invoke"),
            (#"[64,1,{"match":"regex"},"a"]"#, "match"), (#"[64,1,{"match":1},"a"]"#, "match"),
            (#"[64,1,{"concurrency":"4"},"a"]"#, "concurrency"),
            (#"[64,1,{"disclose_caller":1},"a"]"#, "disclose_caller"),
            (#"[64,1,{"forward_timeout":1},"a"]"#, "forward_timeout"),
            (#"[64,1,{"force_reregister":1},"a"]"#, "force_reregister"),
            (#"[64,1,{"_retry_on_loss":1},"a"]"#, "_retry_on_loss"),
            (#"[49,1,{"mode":"abort"}]"#, "mode"), (#"[49,1,{"mode":1}]"#, "mode"),
            (#"[68,1,2,{"caller":"x"}]"#, "caller"), (#"[68,1,2,{"procedure":1}]"#, "procedure"),
            (#"[70,1,{"progress":"x"}]"#, "progress"), (#"[50,1,{"callee":0}]"#, "callee"),
            (#"[50,1,{"callee_authid":1}]"#, "callee_authid"),
            (#"[36,1,2,{"trustlevel":-1}]"#, "trustlevel"),
            (#"[16,1,{"eligible":[0]},"a"]"#, "eligible"),
            (#"[16,1,{"eligible":[1,null]},"a"]"#, "eligible"),
            (#"[6,{"message":1},"a"]"#, "message"),
            (#"[16,1,{"forward_for":[{"session":"x"}]},"a"]"#, "forward_for"),
        ])
    func wrongType(_ message: String, _ key: String) {
        for serializer in Serializer.allCases {
            #expect(violation(message, as: serializer)?.contains(key) ?? false, "\(serializer)")
        }
    }

    @Test("SR-09: whole floats are integers in the options of MessagePack and CBOR, not of JSON")
    func wholeFloats() throws {
        let list = #"[16,1,{"exclude":[8077982408475823.0,5]},"a"]"#
        let limit = #"[64,1,{"concurrency":4.0},"a"]"#
        let timeout = #"[48,1,{"timeout":6000000000.0},"a"]"#
        for serializer in [Serializer.msgpack, .cbor] {
            guard case .publish(let publish) = try decode(list, as: serializer),
                case .register(let register) = try decode(limit, as: serializer),
                case .call(let call) = try decode(timeout, as: serializer)
            else {
                Issue.record("other messages")
                return
            }
            #expect(
                publish.options.custom["exclude"] == [8_077_982_408_475_823, 5], "\(serializer)")
            #expect(register.options.custom["concurrency"] == 4, "\(serializer)")
            #expect(call.options.timeout == 6_000_000_000, "\(serializer)")
            for broken in [#"{"exclude":[1.5]}"#, #"{"exclude":[0.0]}"#, #"{"exclude":1.0}"#] {
                let sentence = violation(#"[16,1,\#(broken),"a"]"#, as: serializer)
                #expect(sentence?.contains("exclude") ?? false, "\(serializer) \(broken)")
            }
        }
        for message in [list, limit, timeout] {
            #expect(violation(message)?.contains("must be") ?? false, "\(message)")
        }
        // Within a payload nothing tells how the options were written.
        let options = try PublishOptions(checking: ["exclude": [.double(5)]])
        #expect(options.custom["exclude"] == [5])
    }

    @Test("SR-08: an invocation rule that nobody knows is kept for the dealer to refuse")
    func unknownRule() throws {
        guard case .register(let register) = try decode(#"[64,1,{"invoke":"foo"},"a"]"#) else {
            Issue.record("not a REGISTER")
            return
        }
        #expect(register.options.invoke == "foo")
    }

    @Test("an unknown option may hold anything and is kept in its place")
    func unknownOption() throws {
        guard
            case .register(let register) = try decode(
                #"[64,1,{"zzz":[{}],"match":"prefix","_retry_on_loss":true,"concurrency":3},"a"]"#)
        else {
            Issue.record("not a REGISTER")
            return
        }
        #expect(register.options.match == .prefix)
        #expect(register.options.retryOnLoss)
        #expect(register.options.custom.keys == ["zzz", "concurrency"])
    }

    @Test("a callee's identity in RESULT and ERROR comes back whole")
    func calleeIdentity() throws {
        let details = #"{"callee":9,"callee_authid":"joe","callee_authrole":"r","_x":1}"#
        guard case .result(let result) = try decode("[50,1,\(details)]"),
            case .error(let error) = try decode(#"[8,48,1,\#(details),"a.b"]"#)
        else {
            Issue.record("not a RESULT and an ERROR")
            return
        }
        let joe = PeerIdentity(session: SessionID(9), authid: "joe", authrole: "r")
        #expect(result.details == OutcomeDetails(callee: joe, custom: ["_x": 1]))
        #expect(error.details == result.details)
    }

    @Test(
        "a HELLO without a role is a violation",
        arguments: [
            "{}", #"{"roles":{}}"#, #"{"roles":[]}"#, #"{"roles":{"caller":1}}"#,
            #"{"roles":{"gardener":{}}}"#,
        ])
    func helloWithoutRoles(_ details: String) {
        #expect(violation(#"[1,"realm1",\#(details)]"#)?.contains("roles") ?? false)
    }

    @Test(
        "§1.4 §3.3 a role that nobody knows is ignored, whatever it holds",
        arguments: ["{}", "true", "null", "[]"])
    func unknownRole(_ value: String) throws {
        let hello = #"[1,"realm1",{"roles":{"gardener":\#(value),"caller":{}}}]"#
        guard case .hello(let message) = try decode(hello) else {
            Issue.record("no HELLO")
            return
        }
        #expect(message.roles == Roles([.caller: []]))
    }

    @Test(
        "a HELLO detail of a wrong type is a violation, null counts as absent",
        arguments: ["agent", "authid", "authrole", "authmethods", "authextra"])
    func helloDetails(_ key: String) {
        func hello(_ value: String) -> String {
            #"[1,"realm1",{"roles":{"caller":{}},"\#(key)":\#(value)}]"#
        }
        #expect(violation(hello("7"))?.contains(key) ?? false)
        #expect(violation(hello("null")) == nil)
    }

    @Test("a HELLO's details go into its fields", arguments: Serializer.allCases)
    func hello(_ serializer: Serializer) throws {
        let roles = Roles([.caller: [.callCanceling], .callee: []])
        let hello = Message.hello(
            Hello(
                realm: "realm1", roles: roles, agent: "me", authmethods: ["ticket", "wampcra"],
                authid: "joe", authrole: "admin", authextra: ["pubkey": "00"]))
        let frame = try MessageCoder.encode(hello, as: serializer)
        #expect(try MessageCoder.decode(frame, as: serializer) == hello)
    }
}
