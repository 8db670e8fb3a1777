// Sessions and the router itself coming to an end in good order.

import Dispatch
import Glibc
import Logging
import Testing
import WAMP
import WAMPRouter
import WAMPServer
import WAMPTransport

@Suite struct LifecycleTests {
    private static let goodbye = #"[6,{},"wamp.close.goodbye_and_out"]"#
    private static let shutdown = #"[6,{},"wamp.close.system_shutdown"]"#

    private var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    @Test("GOODBYE is answered, and the connection may carry a new session")
    func goodbyeAndHello() async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.sendFrame(#"[6,{},"wamp.close.normal"]"#)
            #expect(try peer.readFrame() == LifecycleTests.goodbye)
            peer.sendFrame(#"[1,"realm1",{"roles":{"caller":{}}}]"#)
            #expect(try peer.readFrame().hasPrefix("[2,"))
        }
    }

    @Test("What follows GOODBYE in the same read belongs to the next session")
    func goodbyeAndMoreInOneRead() async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.sendFrames([
                #"[6,{},"wamp.close.normal"]"#, #"[1,"realm1",{"roles":{"caller":{}}}]"#,
                #"[48,1,{},"wamp.session.count"]"#,
            ])
            #expect(try peer.readFrame() == LifecycleTests.goodbye)
            #expect(try peer.readFrame().hasPrefix("[2,"))
            #expect(try peer.readFrame() == "[50,1,{},[1]]")

            peer.sendFrames([#"[6,{},"wamp.close.normal"]"#, "garbage"])
            #expect(try peer.readFrame() == LifecycleTests.goodbye)
            #expect(try peer.readFrame().hasSuffix(#""wamp.error.protocol_violation"]"#))
            #expect(try peer.readToEnd().isEmpty)
        }
    }

    @Test(
        "GOODBYE is answered when the authorizer has decided; the next session comes behind it",
        arguments: [1, 2])
    func goodbyeWhileDeciding(threads: Int) async throws {
        var settings = RealmSettings()
        settings.authorizer = "t.authorize"
        settings.permissions = Permissions(roles: [
            "anonymous": RolePermissions(rules: [
                PermissionRule(
                    URIPattern("t.", match: .prefix), actions: [.register, .subscribe])
            ])
        ])
        let realm = RealmConfiguration(
            name: "realm1", settings: settings, principals: Principals())
        try await withRouter({
            $0.threads = threads
            $0.realms = [realm]
        }) { port, _ in
            var judge = try RawPeer(port: port)
            try judge.joinRawSocket()
            judge.sendFrames([#"[64,1,{},"t.authorize"]"#, #"[32,2,{},"t.x"]"#])
            #expect(try judge.readFrame().hasPrefix("[65,1,"))
            #expect(try judge.readFrame().hasPrefix("[33,2,"))
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.sendFrames([
                #"[16,1,{},"t.x",["last"]]"#, #"[6,{},"wamp.close.normal"]"#,
                #"[1,"realm1",{"roles":{"caller":{}}}]"#,
            ])
            #expect(try judge.readFrame().hasPrefix("[68,1,"))
            judge.sendFrame("[70,1,{},[true]]")
            #expect(try judge.readFrame().hasSuffix(#"["last"]]"#))
            #expect(try peer.readFrame() == LifecycleTests.goodbye)
            #expect(try peer.readFrame().hasPrefix("[2,"))
        }
    }

    @Test("A session that leaves takes no other's place, with several event loops")
    func churn() async throws {
        try await withRouter({ $0.threads = 3 }) { port, _ in
            DispatchQueue.concurrentPerform(iterations: 4) { lane in
                do {
                    if lane < 2 {
                        for _ in 0..<200 {
                            var guest = try RawPeer(port: port)
                            try guest.joinRawSocket()
                            guest.sendFrame(#"[6,{},"wamp.close.normal"]"#)
                            guest.finish()
                        }
                    } else {
                        for round in 0..<100 {
                            var resident = try RawPeer(port: port)
                            try resident.joinRawSocket()
                            resident.sendFrame(#"[48,1,{},"wamp.session.get",[0]]"#)
                            let answer = try resident.readFrame()
                            #expect(
                                answer.hasPrefix(#"[8,48,1,{},"wamp.error.no_such_session","#),
                                "\(round)")
                        }
                    }
                } catch {
                    Issue.record(error)
                }
            }
        }
    }

    @Test("A drain lets a running call finish, then says GOODBYE to both sides")
    func drain() async throws {
        let drained = try await withRouter { port, router in
            var call = try RunningCall(of: "com.example.slow", port: port)
            var idle = try RawPeer(port: port)
            try idle.joinRawSocket()

            let drained = Task { await router.drain(timeout: .seconds(60)) }
            // An idle session is sent away at once: when it is, the drain has begun.
            #expect(try idle.readFrame() == LifecycleTests.shutdown)
            idle.sendFrame(LifecycleTests.goodbye)
            call.callee.sendFrame(#"[70,1,{},["late"]]"#)
            let result = try call.caller.readFrame()
            #expect(result.hasPrefix("[50,1,{"))
            #expect(result.hasSuffix(#","callee_authrole":"anonymous"},["late"]]"#))
            #expect(try call.caller.readFrame() == LifecycleTests.shutdown)
            #expect(try call.callee.readFrame() == LifecycleTests.shutdown)
            call.caller.sendFrame(LifecycleTests.goodbye)
            call.callee.sendFrame(LifecycleTests.goodbye)
            #expect(try call.caller.readToEnd().isEmpty)
            #expect(try call.callee.readToEnd().isEmpty)
            return drained
        }
        await drained.value
    }

    @Test("What is still running when the drain's time is over is ended")
    func drainTimeout() async throws {
        let drained = try await withRouter { port, router in
            var call = try RunningCall(of: "com.example.stuck", port: port)
            let drained = Task { await router.drain(timeout: .milliseconds(50)) }
            #expect(
                try call.caller.readFrame() == #"[8,48,1,{},"wamp.error.canceled",["callee left"]]"#
            )
            #expect(try call.caller.readFrame() == LifecycleTests.shutdown)
            #expect(try call.callee.readFrame() == LifecycleTests.shutdown)
            call.caller.sendFrame(LifecycleTests.goodbye)
            call.callee.sendFrame(LifecycleTests.goodbye)
            return drained
        }
        await drained.value
    }

    @Test("A second router on the same port says that it is in use")
    func portInUse() async throws {
        let first = RouterServer(
            configuration: Configuration(listeners: [try Endpoint("ws://127.0.0.1:0/ws")]),
            logger: quiet)
        let endpoint = try await first.start()[0]
        let second = RouterServer(
            configuration: Configuration(listeners: [endpoint]), logger: quiet)
        await #expect {
            _ = try await second.start()
        } throws: { error in
            if case .addressInUse? = error as? ServerError { true } else { false }
        }
        await first.stop()
    }

    @Test(
        "An address that cannot be listened on is named with the cause",
        arguments: [
            ("tcp://192.0.2.1:0", "Cannot assign requested address"),
            ("unix:///nowhere/router.sock", "No such file or directory"),
            ("unix:///dev/null", "a file that is no socket is in the way"),
        ])
    func badAddress(_ url: String, _ cause: String) async throws {
        let router = RouterServer(
            configuration: Configuration(listeners: [try Endpoint(url)]), logger: quiet)
        await #expect {
            _ = try await router.start()
        } throws: { error in
            guard let error = error as? ServerError, case .cannotListen(_, cause) = error else {
                Issue.record("\(error)")
                return false
            }
            return true
        }
    }

    @Test("A host without an address is told apart, since the fault is in the name")
    func unknownHost() async throws {
        let endpoint = try Endpoint("tcp://nowhere.invalid:0")
        let router = RouterServer(
            configuration: Configuration(listeners: [endpoint]), logger: quiet)
        await #expect {
            _ = try await router.start()
        } throws: { error in
            if case .unknownHost("nowhere.invalid")? = error as? ServerError { true } else { false }
        }
    }

    @Test("A Unix socket left behind is replaced, one in use is not")
    func unixSocket() async throws {
        let path = "/tmp/wampctl-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        defer { unlink(path) }
        let leftover = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let address = try Endpoint("unix://\(path)")
        bindUnix(leftover, path)
        close(leftover)

        let first = RouterServer(configuration: Configuration(listeners: [address]), logger: quiet)
        #expect(try await first.start() == [address])
        let second = RouterServer(
            configuration: Configuration(listeners: [address]), logger: quiet)
        await #expect(throws: ServerError.self) { _ = try await second.start() }
        await first.stop()
    }

    private func bindUnix(_ descriptor: Int32, _ path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
