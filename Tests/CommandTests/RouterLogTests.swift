// What a router process logs, where, and that nobody who does not read it can stop the router.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct RouterLogTests {
    private func text(_ path: String) throws -> String {
        String(decoding: try File.contents(path), as: UTF8.self)
    }

    @Test("A log file has the beginning and the end; -q silences stderr and not the file")
    func logFile() async throws {
        for words in [[], ["-q"], ["--log-format", "json"], ["-q", "--log-format", "json"]] {
            let folder = try TemporaryFolder()
            let file = folder.path + "/log"
            let router = try Program(
                ["router", "-p", "0", "--log-file", file] + words, announces: true)
            let url = try await router.ready()["listeners"]?.list?.first?.dictionary?["url"]?.string
            let call = try await Program.run("call", "wamp.session.count", "-u", url ?? "")
            expectCode(0, of: call, "\(words)")
            router.signal(SIGTERM)
            let outcome = try await router.ended()
            expectCode(0, of: outcome, "\(words)")
            #expect(outcome.talk.isEmpty == words.contains("-q"), "\(outcome)")
            let log = try text(file)
            for part in ["listening", Wampctl.version, url ?? "", "session joined", "stopping"] {
                #expect(log.contains(part), "\(part): \(log)")
            }
        }
    }

    @Test("Beside a command, too, a log file has all, and stderr warnings only")
    func logFileOfCommand() async throws {
        let folder = try TemporaryFolder()
        let outcome = try await Program.run(
            "router", "-p", "0", "--log-file", folder.path + "/log", "--", "wampctl", "call",
            "wamp.session.count")
        expectCode(0, of: outcome)
        #expect(outcome.talk.isEmpty, "\(outcome)")
        let log = try text(folder.path + "/log")
        for part in ["listening", "session joined", "stopping"] {
            #expect(log.contains(part), "\(part)")
        }
    }

    @Test("Who joined is logged with role and method; who is denied at debug, with what it wanted")
    func facts() async throws {
        let folder = try TemporaryFolder()
        folder.write("ticket", "sesame\n")
        let file = folder.write(
            "router.yaml",
            """
            realms:
              - name: realm1
                users: [ { authid: "a authid=root", role: clerk, ticket_file: ticket } ]
                roles: [ { name: clerk } ]
            """)
        let outcome = try await Program.run(
            "router", "--config", file, "-p", "0", "--log-level", "debug", "--log-format", "json",
            "--", "wampctl", "call", "com.example.x", "--authid", "a authid=root", "--secret-file",
            "\(folder.path)/ticket")
        expectCode(5, of: outcome)
        let lines = outcome.talk.split(separator: "\n").compactMap {
            try? JSONText.parse(String($0)).dictionary
        }
        let joined = try #require(lines.first { $0["message"]?.string == "session joined" })
        #expect(joined["role"]?.string == "clerk" && joined["method"]?.string == "ticket")
        #expect(joined["authid"]?.string == "a authid=root")
        let denied = try #require(lines.first { $0["message"]?.string == "request denied" })
        #expect(denied["level"]?.string == "debug")
        #expect(denied["session"] == joined["session"] && denied["role"]?.string == "clerk")
        #expect(
            denied["action"]?.string == "call" && denied["uri"]?.string == "com.example.x")
    }

    @Test("A session on a Unix socket is logged as one")
    func unixPeer() async throws {
        let folder = try TemporaryFolder()
        let url = "unix://\(folder.path)/socket"
        let router = try Program(["router", "--listen", url], announces: true)
        _ = try await router.ready()
        expectCode(0, of: try await Program.run("call", "wamp.session.count", "-u", url))
        router.signal(SIGTERM)
        #expect(try await router.ended().talk.contains(" peer=unix "))
    }

    /// A pipe that is full, and that nobody is going to read.
    private func fullPipe() throws -> (read: Int32, write: Int32) {
        let ends = try ChildProcess.pipe()
        _ = fcntl(ends.write, F_SETFL, O_NONBLOCK)
        let bytes = [UInt8](repeating: 10, count: 4096)
        while write(ends.write, bytes, bytes.count) > 0 {}
        _ = fcntl(ends.write, F_SETFL, 0)
        return ends
    }

    /// Starts a router, lets it serve and log, and ends it by SIGTERM.
    private func serve(_ words: [String], stderr: Int32) async throws {
        let ready = try ChildProcess.pipe(), port = try ChildProcess.pipe()
        let router = try ChildProcess(
            Program.path,
            arguments: ([
                "router", "-p", "0", "--log-level", "debug", "--ready-fd=3", "--print-url",
            ] + words).map { Array($0.utf8) },
            environment: .inherited,
            streams: [
                .null, .descriptor(port.write), .descriptor(stderr), .descriptor(ready.write),
            ])
        close(ready.write)
        close(port.write)
        #expect(await Transcript(of: ready.read).whole().contains("listeners"))
        let url = Transcript(of: port.read)
        #expect(await url.holds("\n", times: 1))
        for _ in 0..<10 {
            let call = try await Program.run(
                "call", "wamp.session.count", "-u",
                String(url.soFar.prefix { $0 != "\n" }))
            expectCode(0, of: call)
        }
        kill(router.id, SIGTERM)
        let code = await withCheckedContinuation { continuation in
            router.whenEnded { continuation.resume(returning: $0) }
        }
        #expect(code == 0)
    }

    @Test("A stderr that nobody reads stops nothing, and SIGTERM ends the router")
    func unreadStderr() async throws {
        let pipe = try fullPipe()
        defer {
            close(pipe.read)
            close(pipe.write)
        }
        try await serve([], stderr: pipe.write)
    }

    @Test("A log file that takes nothing stops nothing, and SIGTERM ends the router")
    func stuckLogFile() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/fifo"
        try #require(mkfifo(path, 0o600) == 0)
        let end = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
        defer { close(end) }
        let bytes = [UInt8](repeating: 10, count: 4096)
        while write(end, bytes, bytes.count) > 0 {}
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        try await serve(["--log-file", path], stderr: null)
    }

    static let asFirstProcess = ["--pid", "--fork", "--kill-child", "--mount-proc"]

    @Test(
        "As the first process of a container it lets go of orphans, and knows its command's code",
        .enabled("a namespace of processes is not to be had here") {
            try await Program(RouterLogTests.asFirstProcess + ["true"], executable: "unshare")
                .ended().code == 0
        })
    func firstProcess() async throws {
        let folder = try TemporaryFolder()
        let outcome = try await Program(
            Self.asFirstProcess + [
                Program.path, "router", "-p", "0", "--", "sh", "-c",
                """
                (true & echo $! > \(folder.path)/orphan)
                read orphan < \(folder.path)/orphan
                i=0
                while [ -d /proc/$orphan ]; do i=$((i + 1)); [ $i -lt 1000000 ] || exit 8; done
                exit 7
                """,
            ], executable: "unshare"
        ).ended()
        expectCode(7, of: outcome)
    }
}
