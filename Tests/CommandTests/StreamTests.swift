// Streams that are slow, stand still, are full, closed or broken: no command ends with 0 while
// output or input is unfinished, and none is held up for good.

import Glibc
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct StreamTests {
    /// A stdout that is read when the test wants it.
    private struct Pipe {
        let read: Int32
        let write: Int32

        init() throws { (read, write) = try ChildProcess.pipe() }

        func close() {
            Glibc.close(read)
            Glibc.close(write)
        }

        /// Whether whoever writes has to wait.
        var isFull: Bool {
            var slot = pollfd(fd: write, events: Int16(POLLOUT), revents: 0)
            return poll(&slot, 1, 0) == 0
        }

        /// All that comes, once only the program still writes.
        func rest() -> [UInt8] {
            Glibc.close(write)
            defer { Glibc.close(read) }
            var bytes: [UInt8] = []
            _ = File.readAll(read, into: &bytes)
            return bytes
        }
    }

    /// So many lines of 2 kB.
    private func lines(_ count: Int) -> String {
        String(repeating: String(repeating: "x", count: 2000) + "\n", count: count)
    }

    @Test("Events wait for a late reader, long after --idle or --count has ended the subscription")
    func lateReader() async throws {
        let router = try await TestRouter()
        let watcher = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        let (left, departure) = AsyncStream<Void>.makeStream()
        for more in [["-o", "raw", "--idle", "10s"], ["-o", "jsonl", "--count", "3000"]] {
            let pipe = try Pipe()
            let subscriber = try Program(
                ["subscribe", "t.x"] + more, environment: router.environment, announces: true,
                output: pipe.write)
            _ = try await subscriber.ready()
            let subscription = try await watcher.subscribe("wamp.session.on_leave") { _ in
                departure.yield()
            }
            let publisher = try await router.run(
                "publish", "t.x", "--stdin", "lines", "-q", input: lines(3000))
            expectCode(0, of: publisher, "\(more)")
            // The publisher leaves, and the subscriber.
            var departures = left.makeAsyncIterator()
            for _ in 1...2 { _ = await departures.next() }
            try await watcher.unsubscribe(subscription)
            let output = pipe.rest()
            #expect(output.count { $0 == UInt8(ascii: "\n") } == 3000, "\(more)")
            #expect(output.count >= 3000 * 2001, "\(more)")
            expectCode(0, of: try await subscriber.ended(), "\(more)")
        }
        await watcher.leave()
    }

    @Test("Results wait for a late reader, who holds up no session")
    func lateReaderOfResults() async throws {
        let router = try await TestRouter()
        let session = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        let text = Value.string(String(repeating: "x", count: 2000))
        _ = try await session.register("t.many") { request in
            for _ in 1..<1000 { request.progress(args: [text]) }
            request.reply(args: [text])
        }
        _ = try await session.register("t.one") { $0.reply(args: [text]) }
        let (left, departure) = AsyncStream<Void>.makeStream()
        _ = try await session.subscribe("wamp.session.on_leave") { _ in departure.yield() }
        var departures = left.makeAsyncIterator()
        for words in [["t.many", "--progress"], ["t.one", "-n", "1000"]] {
            let pipe = try Pipe()
            let caller = try Program(
                ["call", "-o", "jsonl"] + words, environment: router.environment,
                output: pipe.write)
            _ = await departures.next()
            let output = pipe.rest()
            #expect(output.count { $0 == UInt8(ascii: "\n") } == 1000, "\(words)")
            expectCode(0, of: try await caller.ended(), "\(words)")
        }
        await session.leave()
    }

    @Test("A subscriber whose stdout nobody reads ends by a signal, and says what it dropped")
    func unreadEvents() async throws {
        let router = try await TestRouter()
        let pipe = try Pipe()
        defer { pipe.close() }
        let subscriber = try Program(
            ["subscribe", "t.x"], environment: router.environment, announces: true,
            output: pipe.write)
        _ = try await subscriber.ready()
        expectCode(
            0,
            of: try await router.run("publish", "t.x", "--stdin", "lines", "-q", input: lines(200)))
        subscriber.signal(SIGTERM)
        let end = try await subscriber.ended()
        expectCode(143, of: end)
        #expect(end.talk.contains(" lines dropped: stdout was not read\n"), "\(end)")
    }

    @Test("An event that cannot be shown is told, and the end is not 0")
    func unreadableEvent() async throws {
        let router = try await TestRouter()
        let subscriber = try Program(
            ["subscribe", "t.x", "-o", "raw"], environment: router.environment, announces: true)
        _ = try await subscriber.ready()
        // Together more elements than are decoded. Of events there is no more to say; the callee of
        // --echo answers what it cannot read with an error.
        let folder = try TemporaryFolder()
        let file = "\(folder.path)/half"
        #expect(File.replace(file, with: "[\(String(repeating: "0,", count: 600_000))0]"))
        let published = try await router.run("publish", "t.x", ":=@\(file)", "k:=@\(file)")
        expectCode(0, of: published)
        let callee = try await router.register("t.echo", "--echo", "-q")
        for more in [[], ["-n", "1"], ["-n", "1", "-o", "raw"]] {
            let result = try await Program(
                ["call", "t.echo", ":=@\(file)", "k:=@\(file)"] + more,
                environment: router.environment
            ).ended()
            expectCode(10, of: result, "\(more)")
        }
        _ = callee
        subscriber.signal(SIGTERM)
        let end = try await subscriber.ended()
        expectCode(15, of: end)
        #expect(end.talk.contains("wampctl subscribe: t.x: an event cannot be shown: "))
    }

    @Test("A callee whose stdout nobody reads goes on answering, and ends by a signal")
    func unreadInvocations() async throws {
        let router = try await TestRouter()
        let pipe = try Pipe()
        defer { pipe.close() }
        let text = String(repeating: "x", count: 4000)
        let callee = try Program(
            ["register", "t.x", "--static", "\"\(text)\""], environment: router.environment,
            announces: true, output: pipe.write)
        _ = try await callee.ready()
        let calls = try await router.run(
            "call", "t.x", "-n", "1000", "-c", "16", "-t", "20s", "-q", "-o", "jsonl")
        expectCode(0, of: calls)
        try await callee.said("wampctl: stdout is not read: lines are dropped from here on")
        callee.signal(SIGUSR1)
        try await callee.said("1 000 invocations, 0 errors")
        callee.signal(SIGTERM)
        let end = try await callee.ended()
        expectCode(143, of: end)
        #expect(end.talk.contains(" lines dropped: stdout was not read\n"), "\(end)")
    }

    @Test("Whatever waits for a reader of stdout can be ended by a signal")
    func signals() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo", "-q")
        let large = String(repeating: "x", count: 200_000)
        let word = String(repeating: "x", count: 4000)
        let commands: [(words: String, input: String?)] = [
            ("call t.echo --stdin text", large), ("call t.echo \(word) -n 0", nil),
            ("call t.echo \(word) -n 0 -c 16 -o raw --sessions 2", nil),
            ("call t.echo --stdin lines -c 8", lines(200)),
            ("call - -c 8", String(repeating: "{\"procedure\":\"t.echo\"}\n", count: 500)),
        ]
        for (words, input) in commands {
            let pipe = try Pipe()
            defer { pipe.close() }
            let program = try Program(
                words.split(separator: " ").map(String.init) + ["--trace"], input: input,
                environment: router.environment, output: pipe.write)
            try await program.said("< RESULT")
            // Until the pipe is full.
            while !pipe.isFull { await Task.yield() }
            program.signal(SIGTERM)
            expectCode(143, of: try await program.ended(), "\(words)")
        }
        _ = callee
    }

    @Test(
        "A full disk is told, and never 0",
        arguments: [
            "call t.x", "call t.x -n 3", "call t.x -n 3 --tally -o json", "meta session list",
            "meta session count", "publish t.x -o json", "publish t.x --stdin jsonl -o jsonl",
            "call t.x --stdin jsonl", "keygen", "keygen ticket -o json", "--help", "--version",
            "help exit-codes", "router --print-config", "router -p 0 --detach", "call --help",
            "bench rpc -n 10 --warmup 0s -o json", "router -q -p 0 --print-port",
        ])
    func fullDisk(words: String) async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--static", "1")
        let program = try Program(
            ["-c", "wampctl \(words) > /dev/full"], executable: "bash", input: "[1]\n",
            environment: router.environment)
        let end = try await program.ended()
        expectCode(1, of: end)
        #expect(end.talk.contains("wampctl: cannot write to stdout: No space left on device\n"))
        _ = callee
    }

    @Test(
        "A stdin that cannot be read is no empty one",
        arguments: [
            "call - < /", "call t.x --stdin lines < /", "publish t.x --stdin jsonl < /",
            "call t.x --stdin json < /", "call - <&-", "publish t.x --stdin lines <&-",
            "call t.x --stdin bytes <&-",
        ])
    func unreadableInput(words: String) async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--static", "1")
        let program = try Program(
            ["-c", "wampctl \(words)"], executable: "bash", environment: router.environment)
        let end = try await program.ended()
        expectCode(2, of: end)
        #expect(end.talk.contains("cannot read stdin: "), "\(end)")
        _ = callee
    }

    @Test("A batch whose router is lost tells how many of its lines were not sent")
    func lostBatch() async throws {
        for (words, input, told) in [
            (
                "call t.slow --stdin lines -c 2", String(repeating: "x\n", count: 100),
                "98 lines were"
            ),
            ("call t.slow --stdin jsonl", "1\n\n2\n", "1 line was"),
            ("call -", "{\"procedure\":\"t.slow\"}\n", "all lines were sent"),
            ("publish t.x -n 5 --rate 1", "", "4 events were"),
        ] {
            let router = try await TestRouter()
            let callee = try await router.register("t.slow", "--delay", "1h", "--trace")
            let batch = try Program(
                words.split(separator: " ").map(String.init) + ["--trace"], input: input,
                environment: router.environment)
            if words.hasPrefix("call") {
                try await callee.said("< INVOCATION", times: words.hasSuffix("-c 2") ? 2 : 1)
            } else {
                try await batch.said("< PUBLISHED")
            }
            router.program.signal(SIGKILL)
            let outcome = try await batch.ended()
            expectCode(14, of: outcome, "\(words)")
            let sentence = told.hasSuffix("sent") ? told : "\(told) not sent"
            #expect(outcome.talk.contains("; \(sentence)\n"), "\(outcome)")
        }
    }

    @Test("A byte order mark in front of JSON is no part of it")
    func byteOrderMark() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo")
        for (mode, input, output) in [
            ("--stdin jsonl", "\u{feff}[1]\n\u{feff}[2]\n", "1\n2\n"),
            ("--stdin json", "\u{feff}[1]", "1\n"), ("--stdin jsonl", "\u{feff}", ""),
            ("--args @/dev/stdin", "\u{feff}[1]", "1\n"),
            // In a text it is a character as any other.
            ("--stdin text -o raw", "\u{feff}a", "\u{feff}a\n"),
        ] {
            let outcome = try await Program(
                ["call", "t.echo"] + mode.split(separator: " ").map(String.init), input: input,
                environment: router.environment
            ).ended()
            expectCode(0, of: outcome, "\(mode)")
            #expect(Array(outcome.output.utf8) == Array(output.utf8), "\(outcome)")
        }
        let batch = try await router.run(
            "call", "-", input: "\u{feff}{\"procedure\":\"t.echo\"}\n")
        expectCode(0, of: batch)
        _ = callee
    }

    @Test("Records wait, are written whole where they fit, and are counted where they are not")
    func queue() throws {
        var queue = OutputQueue(bound: 10)
        #expect(queue.isEmpty)
        for record in ["abc\n", "de\n", "fghij\n"] { queue.add(record.utf8) }
        #expect(queue.isFull)
        #expect(queue.unwritten == 3)
        // Two records fit, the third does not.
        #expect(queue.piece(limit: 8).map(Array.init) == Array("abc\nde\n".utf8))
        queue.wrote(5)
        #expect(queue.unwritten == 2)
        #expect(queue.piece(limit: 4).map(Array.init) == Array("e\n".utf8))
        queue.wrote(2)
        queue.add("k\n".utf8)
        // One that is longer than any piece goes in parts.
        #expect(queue.piece(limit: 4).map(Array.init) == Array("fghi".utf8))
        queue.wrote(4)
        #expect(queue.unwritten == 2)
        queue.drop()
        #expect(queue.piece(limit: 4).map(Array.init) == Array("j\n".utf8))
        queue.wrote(2)
        #expect(queue.unwritten == 2)
        #expect(queue.piece(limit: 4).map(Array.init) == Array("k\n".utf8))
        queue.wrote(2)
        #expect(queue.piece(limit: 4) == nil)
        #expect(queue.isEmpty)
        #expect(queue.unwritten == 1)
    }
}
