// What the words of a line become: a command, help, or one sentence about what is wrong.

import Testing
import WAMP
import WAMPTransport

@testable import wampctl

@Suite struct CommandLineTests {
    private func read(
        _ words: String..., environment: Environment = [:]
    ) -> CommandLineReader.Reading {
        CommandLineReader(arguments: words, environment: environment).read()
    }

    private func command<C: Command>(
        _ type: C.Type, _ words: String..., environment: Environment = [:]
    ) throws -> C {
        let reading = CommandLineReader(arguments: words, environment: environment).read()
        guard case .command(let command) = reading, let command = command as? C else {
            throw NotationError("not read as a command: \(reading)")
        }
        return command
    }

    private func fault(_ words: String..., environment: Environment = [:]) -> String? {
        let reading = CommandLineReader(arguments: words, environment: environment).read()
        guard case .fault(let failure, _) = reading, failure.code == .usage else { return nil }
        return failure.message
    }

    @Test("Options stand before or after the arguments, and -- ends them")
    func positions() throws {
        let call = try command(
            CallCommand.self, "call", "-n", "5", "a.b", "x", "--timeout", "2s", "--", "-5", "--help"
        )
        #expect(call.uri == "a.b")
        #expect(call.words == ["x", "-5", "--help"])
        #expect(call.load.goal == 5)
        #expect(call.timeout == .seconds(2))
    }

    @Test("A variable that is a switch is on or off, and nothing else")
    func switchVariables() {
        let message = fault("call", "a.b", environment: ["WAMPCTL_CALL_VERIFY": "maybe"])
        #expect(message?.hasPrefix("WAMPCTL_CALL_VERIFY cannot be 'maybe'") == true)
    }

    @Test("URLs with an IPv6 address without brackets, or with credentials, are told what to write")
    func urls() {
        let failure = { (url: String) -> String in
            do throws(CommandFailure) {
                return try Endpoint.written(url).description
            } catch {
                return error.text(command: "wampctl")
            }
        }
        #expect(failure("ws://::1:18080/ws").hasSuffix("did you mean 'ws://[::1]:18080/ws'?"))
        let refused = failure("ws://user:sesame@h:1/ws")
        #expect(refused.contains("--authid and --secret-file") && !refused.contains("sesame"))
        #expect(failure("ws://h:1/@") == "ws://h:1/@")
    }

    @Test("Long words of the line are cut where a failure repeats them")
    func longWords() {
        let word = String(repeating: "x", count: 90_000)
        let failure = CommandFailure(.usage, "'\(word)' is wrong", subject: word)
        #expect(failure.shortened(["k=\(word)"]).text(command: "wampctl").utf8.count < 500)
    }

    @Test("A value may stand right behind its letter")
    func joined() throws {
        let call = try command(
            CallCommand.self, "call", "a.b", "-uws://h:1/ws", "-n3", "-t2s", "-c4", "-ojsonl",
            "-rmy.realm", "-qv")
        #expect(call.connection.url == "ws://h:1/ws")
        #expect(call.connection.realm == "my.realm")
        #expect(call.load.goal == 3)
        #expect(call.load.concurrency == 4)
        #expect(call.timeout == .seconds(2))
        #expect(call.output.format == .jsonl)
        #expect(call.output.quiet && call.output.verbose == 1)
        #expect(try command(RouterCommand.self, "router", "-p0").port == 0)
    }

    @Test("Options of REGISTER and CALL are written as options of the line")
    func wampOptions() throws {
        let register = try command(
            RegisterCommand.self, "reg", "a..b", "--match", "wildcard", "--invoke", "_sticky",
            "--force-reregister", "--disclose-caller")
        #expect(
            register.namedOptions == [
                "invoke": "_sticky", "match": "wildcard", "force_reregister": true,
                "disclose_caller": true,
            ])
        let call = try command(
            CallCommand.self, "call", "a.b", "--disclose-me", "--cancel-mode", "skip")
        #expect(call.namedOptions == ["disclose_me": true])
        #expect(call.cancelMode == .skip)
        #expect(fault("call", "a.b", "--progress", "-n", "5") != nil)
        let subscribe = try command(
            SubscribeCommand.self, "sub", "a.", "--match=prefix", "--get-retained")
        #expect(subscribe.namedOptions == ["match": "prefix", "get_retained": true])
        #expect(fault("register", "a..b") != nil)
        #expect(fault("subscribe", "a..b") != nil)
        #expect(fault("subscribe") != nil)
    }

    @Test("A dash alone is the batch")
    func batch() throws {
        #expect(try command(CallCommand.self, "call", "-").isBatch)
    }

    @Test("A command behind -- belongs to the router")
    func routerCommand() throws {
        let router = try command(
            RouterCommand.self, "router", "-p", "0", "--", "sh", "-c", "exit 3", "--port")
        #expect(router.port == 0)
        #expect(router.command == ["sh", "-c", "exit 3", "--port"])
    }

    @Test("The line beats the environment, which beats the default")
    func precedence() throws {
        let environment: Environment = [
            "WAMPCTL_URL": "tcp://h:1", "WAMPCTL_TIMEOUT": "7s", "WAMPCTL_CALL_CONCURRENCY": "9",
        ]
        let inherited = try command(CallCommand.self, "call", "a.b", environment: environment)
        #expect(inherited.connection.url == "tcp://h:1")
        #expect(inherited.timeout == .seconds(7))
        #expect(inherited.load.concurrency == 9)
        let written = try command(
            CallCommand.self, "call", "a.b", "-u", "ws://x/ws", "-t", "1s",
            environment: environment)
        #expect(written.connection.url == "ws://x/ws")
        #expect(written.timeout == .seconds(1))
        #expect(try command(CallCommand.self, "call", "a.b").connection.url == nil)
    }

    @Test("A repeatable option on the line replaces the variable")
    func repeatable() throws {
        let environment: Environment = ["WAMPCTL_REALM": "from.env"]
        #expect(
            try command(RouterCommand.self, "router", environment: environment).realm
                == ["from.env"])
        #expect(
            try command(
                RouterCommand.self, "router", "-r", "a", "--realm=b", environment: environment
            ).realm == ["a", "b"])
    }

    @Test("A wrong value names its variable if it came from one")
    func wrongVariable() {
        let message = fault("call", "a.b", environment: ["WAMPCTL_TIMEOUT": "soon"])
        #expect(message?.hasSuffix("(from WAMPCTL_TIMEOUT)") == true)
        let format = fault("call", "a.b", environment: ["WAMPCTL_OUTPUT": "xml"])
        #expect(format?.hasSuffix("(from WAMPCTL_OUTPUT)") == true)
    }

    @Test(
        "Every variable stands for an option that the command has",
        arguments: ["router", "register", "call", "publish", "subscribe", "meta"])
    func variablesAreOptions(name: String) throws {
        let command = try #require(CommandLineReader.command(named: name))
        for variable in command.variables {
            #expect(
                command.helpText(columns: 80).contains("\(variable.option) "), "\(variable.name)")
        }
    }

    @Test(
        "Help lists every variable by its name, and none twice",
        arguments: ["router", "register", "call", "publish", "subscribe", "meta"])
    func variablesAreListed(name: String) throws {
        let command = try #require(CommandLineReader.command(named: name))
        let section = try #require(
            command.helpText(columns: 80).split(separator: "ENVIRONMENT:").last?
                .split(separator: "EXIT CODES:").first)
        let lines = section.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        }
        for variable in command.variables {
            #expect(
                lines.count { $0.first == variable.name && $0[1].hasPrefix(variable.option) } == 1,
                "\(variable)")
        }
        // Who joins a realm may hand a secret over in the environment.
        let joins = command.variables.contains { $0.option == "--secret-file" }
        let own = lines.compactMap(\.first).filter { $0.hasPrefix("WAMPCTL_") }
        #expect(own.count == command.variables.count + (joins ? 2 : 0))
        #expect(own.contains("WAMPCTL_SECRET") == joins && own.contains("WAMPCTL_KEY") == joins)
    }

    @Test("Switches can be set by the environment too; a fault of one names its variable")
    func switches() throws {
        let call = try command(
            CallCommand.self, "call", "a.b",
            environment: ["WAMPCTL_CALL_VERIFY": "1", "WAMPCTL_CALL_TALLY": "off"])
        #expect(call.distribution.verify && !call.distribution.tally)
        let message = fault("call", "-", environment: ["WAMPCTL_CALL_TALLY": "1"])
        #expect(message?.hasSuffix("(from WAMPCTL_CALL_TALLY)") == true, "\(message ?? "")")
    }

    @Test(
        "An option behind -- is no fault of the router's, and an unknown one of its own no command")
    func routerOptions() {
        #expect(fault("router", "--nope") == "unknown option '--nope'")
        #expect(fault("router", "-p", "0", "--nope", "--", "x") == "unknown option '--nope'")
    }

    @Test("Unknown commands and options suggest the nearest one; prefixes are not accepted")
    func suggestions() {
        #expect(fault("regster") == "unknown command 'regster' (did you mean 'register'?)")
        #expect(fault("rout") == "unknown command 'rout' (did you mean 'router'?)")
        #expect(
            fault("register", "x", "--invok", "random")
                == "unknown option '--invok' (did you mean '--invoke'?)")
        #expect(fault("frobnicate") == "unknown command 'frobnicate'")
        #expect(fault("version") == "unknown command 'version' (did you mean '--version'?)")
        #expect(fault("call", "a.b", "--nope") == "unknown option '--nope'")
        // Not its value, which would be an argument.
        #expect(fault("bench", "--nope", "3") == "unknown option '--nope'")
        #expect(fault("meta", "session", "list", "--nope", "3") == "unknown option '--nope'")
    }

    @Test(
        "Options that do not exist yet are unknown",
        arguments: [
            ["call", "x", "--expect"], ["register", "x", "--exec", "date"],
            ["router", "--dashboard"], ["call", "x", "--context", "c"],
            ["router", "--http"],
        ])
    func absent(words: [String]) {
        let reading = CommandLineReader(arguments: words, environment: [:]).read()
        guard case .fault(let failure, _) = reading else {
            Issue.record("\(words) was accepted")
            return
        }
        #expect(failure.message.hasPrefix("unknown option"))
    }

    @Test(
        "What cannot be meant is refused with a cure",
        arguments: [
            (["register", "x", "--instances", "3"], "shared rule"),
            (["register", "x", "--invoke", "RoundRobin"], "did you mean 'roundrobin'?"),
            (["register", "x", "--echo", "--static", "1"], "exclude each other"),
            (["register", "x", "--static", "hello"], "a string is written"),
            (["register", "a b"], "is not a procedure"),
            (["register", "a."], "--match prefix takes what URIs begin with"),
            (["register", "a..b"], "--match wildcard takes empty components"),
            (["register", "a b", "--match", "prefix"], "not what URIs begin with"),
            (["register", "a..b#", "--match", "wildcard"], "is no pattern"),
            (["subscribe", "a..b"], "--match wildcard takes empty components"),
            (["subscribe", "a..", "--match", "prefix"], "not what URIs begin with"),
            (["call", "x", "-n", "2", "-o", "json"], "jsonl"),
            (["call", "x", "-o", "table"], "use text, json, jsonl or raw"),
            (["call", "x", "-o", "xml"], "use text, json, jsonl or raw"),
            (["call", "x", "--connect-timeout", "0"], "must be above 0"),
            (["call", "-", "word"], "come from stdin"),
            (["call", "x", "--stdin", "lines", "-n", "3"], "leave out -n"),
            (["call", "x", "--rule", "random"], "--tally"),
            (["router", "--listen", "ws://:1", "-p", "2"], "one or the other"),
            (["router", "--detach", "--", "true"], "exclude each other"),
            (["router", "-p", "0", "env"], "goes behind --"),
            (["router", "-p", "0", "sh", "-c", "x"], "goes behind --"),
            (["router", "--max-message", "1023"], "at least 1024"),
            (["call", "x", "-n", "-1"], "'-1' is no value for -n: it must not be negative"),
            (["call", "x", "-t", "-1s"], "'-1s' is no value for -t"),
            (["call", "x", "-n"], "missing value for '-n'"),
            (["register", "x", "--echo", "--whoami"], "--echo and --whoami exclude each other"),
        ])
    func refused(words: [String], part: String) {
        let reading = CommandLineReader(arguments: words, environment: [:]).read()
        guard case .fault(let failure, _) = reading else {
            Issue.record("\(words) was accepted")
            return
        }
        #expect(failure.code == .usage)
        #expect(failure.message.contains(part), "\(failure.message)")
        #expect(!failure.message.contains("\n"))
    }

    @Test("A name with an underscore goes to the router as it is")
    func customRule() throws {
        let register = try command(
            RegisterCommand.self, "reg", "x", "--invoke", "_leastbusy", "--instances", "2")
        #expect(register.rule == "_leastbusy")
    }

    @Test("A static answer is one value, or args and kwargs")
    func staticAnswers() throws {
        func answer(_ json: String) throws -> (args: [Value], kwargs: Value.Dictionary)? {
            try command(RegisterCommand.self, "register", "x", "--static", json).staticAnswer()
        }
        #expect(try answer("[1,2]")?.args == [[1, 2]])
        #expect(try answer("{\"args\":[1,2],\"kwargs\":{\"a\":3}}")?.args == [1, 2])
        #expect(try answer("{\"args\":[1],\"x\":2}")?.args == [["args": [1], "x": 2]])
        #expect(try answer("{}")?.args == [[:]])
    }

    @Test(
        "Help has its parts in order",
        arguments: ["router", "register", "call", "publish", "subscribe", "meta"])
    func help(name: String) throws {
        guard case .help(let text) = read("help", name) else {
            Issue.record("no help on \(name)")
            return
        }
        let parts = [
            "Usage: wampctl \(name)", "EXAMPLES:", "OPTIONS:", "OUTPUT:", "ENVIRONMENT:",
            "EXIT CODES:", "SEE ALSO:",
        ]
        let places = parts.map { text.firstRange(of: $0)?.lowerBound }
        #expect(!places.contains(nil))
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
        let environment = text.split(separator: "ENVIRONMENT:")[1].split(separator: "EXIT CODES:")
        #expect(environment[0].utf8.allSatisfy { $0 < 0x80 })
    }

    @Test(
        "Help is as wide as COLUMNS says, 80 without a terminal, and breaks no word",
        arguments: [nil, "60", "80", "132", "0", "x", "7"] as [String?])
    func helpWidth(columns: String?) throws {
        let environment: Environment = columns.map { ["COLUMNS": $0] } ?? [:]
        let width = columns.flatMap { ["60": 60, "132": 132, "7": 40][$0] } ?? 80
        let topics = Wampctl.commands.map { $0.name } + ["exit-codes", "--help"]
        for topic in topics {
            guard case .help(let text) = read("help", topic, environment: environment),
                case .help(let wide) = read("help", topic, environment: ["COLUMNS": "100000"])
            else {
                Issue.record("no help on \(topic)")
                return
            }
            let words = { (text: String) in text.split { $0 == " " || $0 == "\n" } }
            #expect(words(text) == words(wide), "\(topic)")
            let lines = text.split(separator: "\n").map(String.init)
            for line in lines where line.columnCount > width {
                // Only what has no blank to be broken at.
                #expect(line.drop { $0 == " " }.contains(" ") == false, "\(topic): \(line)")
            }
            let longest = lines.map(\.columnCount).max() ?? 0
            #expect(longest > width - 20 || width > 80, "\(topic): \(longest)")
        }
    }

    @Test("A line too long is broken where its last column stands, and a paragraph at its margin")
    func wrapping() {
        #expect(
            Columns.wrapped("json   one two three four", within: 20)
                == "json   one two three\n       four")
        #expect(Columns.wrapped("one two three four", within: 9) == "one two\nthree\nfour")
        #expect(Columns.wrapped("  a  b c d e f", within: 12) == "  a  b c d e\n     f")
        #expect(
            Columns.wrapped("short\n\n  indented here", within: 12) == "short\n\n  indented\n  here"
        )
    }

    @Test(
        "A negative number is told how to be written",
        arguments: [
            (["call", "x", "-5"], "-5"), (["call", "x", "-1.5", "-n", "2"], "-1.5"),
            (["publish", "x", "a", "-3"], "-3"),
        ] as [([String], String)])
    func negativeNumbers(words: [String], number: String) {
        guard
            case .fault(let failure, _) = CommandLineReader(arguments: words, environment: [:])
                .read()
        else {
            Issue.record("\(words) was accepted")
            return
        }
        #expect(failure.hints.count == 1)
        #expect(failure.hints.first?.contains("':=\(number)'") == true, "\(failure.hints)")
        #expect(failure.hints.first?.contains("behind --") == true)
    }

    @Test("An option that takes any text is told how to take one that begins with -")
    func joinedValue() {
        #expect(
            fault("register", "x", "--static", "-5")
                == "the value of --static begins with -: write --static=-5")
        #expect(fault("call", "x", "--authid", "-5")?.contains("--authid=-5") == true)
        #expect(fault("call", "x", "--sessions", "-5")?.contains("must not be negative") == true)
    }

    @Test("-h, --help and help give the same; behind -- they are words")
    func helpForms() {
        guard case .help(let one) = read("call", "--help"),
            case .help(let two) = read("call", "-h"),
            case .help(let three) = read("help", "call")
        else {
            Issue.record("no help")
            return
        }
        #expect(one == two)
        #expect(two == three)
    }

    @Test("Nothing at all is the overview; the version has two forms")
    func others() {
        guard case .overview = read() else {
            Issue.record("not the overview")
            return
        }
        guard case .version(nil) = read("--version"),
            case .version(.json) = read("--version", "-o", "json")
        else {
            Issue.record("not the version")
            return
        }
        #expect(Wampctl.versionLine.hasPrefix("wampctl 1.0.0 (linux "))
        for command in ["router", "call", "register"] {
            #expect(Wampctl.overview.contains("  \(command) "), "\(command)")
        }
    }
}
