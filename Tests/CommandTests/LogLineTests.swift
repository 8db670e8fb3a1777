// Lines of the log as text and as JSON, and the thread that writes them.

import Glibc
import Logging
import Testing
import WAMP

@testable import wampctl

@Suite struct LogLineTests {
    private static let time = WallMoment(milliseconds: 204)

    private func text(_ metadata: Logger.Metadata, _ message: String = "session joined") -> String {
        LogLines.line(.info, message, metadata, at: Self.time, isJSON: false)
    }

    private func object(
        _ metadata: Logger.Metadata, _ message: String = "session joined"
    ) throws -> Value.Dictionary {
        let line = LogLines.line(.info, message, metadata, at: Self.time, isJSON: true)
        return try #require(try JSONText.parse(line).dictionary)
    }

    @Test("Text and JSON hold the same, keys in order, and text has the date as well")
    func lines() throws {
        let metadata: Logger.Metadata = ["session": "812", "realm": "a"]
        let text = text(metadata)
        #expect(text.hasSuffix(".204 info    session joined  realm=a session=812"))
        #expect(text.wholeMatch(of: /(1970-01-01|1969-12-31) \d\d:\d\d:\d\d\.204 info .*/) != nil)
        let colored = LogLines.line(
            .error, "no", [:], at: Self.time, isJSON: false, isColored: true)
        #expect(colored.hasSuffix(".204\u{1b}[0m \u{1b}[1;31merror  \u{1b}[0m no"))
        #expect(
            LogLines.line(.info, "session joined", metadata, at: Self.time, isJSON: true)
                == #"{"time":"1970-01-01T00:00:00.204Z","level":"info","message":"session joined","#
                + #""realm":"a","session":"812"}"#)
    }

    /// The fields of a line, as a program that knows no more than the rule of quotes reads them.
    private func fields(_ line: String) throws -> [String] {
        let start = try #require(line.firstRange(of: "  realm="))
        var fields: [String] = [], field = "", isQuoted = false, isEscaped = false
        for scalar in line[start.lowerBound...].dropFirst(2).unicodeScalars {
            if scalar == " ", !isQuoted {
                fields.append(field)
                field = ""
                continue
            }
            if scalar == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = scalar == "\\" && !isEscaped
            field.unicodeScalars.append(scalar)
        }
        #expect(!isQuoted, "\(line)")
        return fields + [field]
    }

    @Test(
        "No value can look like another field, or like a line",
        arguments: [
            "a session=1", "a  session=1", "a\nsession=1", "a\" session=\"1", "\\\" session=1",
            "a\\", "", "\u{1b}[2Ja", "\u{9b}31m", "a\u{2028}session=1", "\u{202e}1=noisses",
            "a\u{a0}b", "a\tb", "=", "a=b", "\u{7f}", "a\u{0}", "\r\nsession=1", "\u{3000}",
        ])
    func disguises(value: String) throws {
        let line = text(["realm": "\(value)", "zone": "x"])
        let fields = try fields(line)
        #expect(fields.count == 2 && fields.last == "zone=x", "\(line)")
        let scalars = line.unicodeScalars
        #expect(!scalars.contains { $0.value < 32 || (127..<160).contains($0.value) }, "\(line)")
        #expect(!scalars.contains { $0 == "\u{2028}" || $0 == "\u{202e}" }, "\(line)")
        // What is in quotes is JSON, and says all.
        let written = try #require(fields.first?.dropFirst("realm=".count))
        #expect(written.hasPrefix("\""), "\(line)")
        #expect(try JSONText.parse(String(written)).string == value)
    }

    @Test("Words stay bare, whatever the language; a message cannot look as if fields began in it")
    func words() throws {
        #expect(text(["realm": "com.example.é-1_{x}"]).hasSuffix("  realm=com.example.é-1_{x}"))
        let line = text(["realm": "a"], "read\n  authid=root  x")
        #expect(line.hasSuffix(" read authid=root x  realm=a"), "\(line)")
    }

    @Test(
        "A key that every line has, or one that is no word, gets a name of its own",
        arguments: [
            ["message"], ["time", "level", "message"], ["message", "message_"], ["a b", "a_b"],
        ])
    func keys(keys: [String]) throws {
        let metadata = Logger.Metadata(uniqueKeysWithValues: keys.map { ($0, "of \($0)") })
        let line = LogLines.line(.info, "refused", metadata, at: Self.time, isJSON: true)
        let object = try object(metadata, "refused")
        #expect(object["message"]?.string == "refused" && object["level"]?.string == "info")
        let names = object.entries.map(\.key)
        #expect(Set(names).count == names.count && names.count == 3 + keys.count, "\(line)")
        for key in keys {
            #expect(object.entries.contains { $0.value.string == "of \(key)" }, "\(key): \(line)")
            #expect(text(metadata).contains("=\"of \(key)\""), "\(key)")
        }
        #expect(text(["a b=c\n": "1"]).hasSuffix("  a_b_c_=1"))
    }

    @Test("A value is cut to 200 characters, each part of a list by itself")
    func long() throws {
        let long = String(repeating: "x", count: 199)
        for (value, expected) in [
            (long + "y", long + "y"), (long + "yz", long + "…"),
            ("e" + String(repeating: "\u{301}", count: 5000), nil),
        ] {
            let written = try #require(
                try object(["realm": "\(value)"])["realm"]?.string, "\(value)")
            #expect(written.unicodeScalars.count <= 200, "\(value)")
            if let expected { #expect(written == expected, "\(value)") }
        }
        let list = try object(["urls": .array(["\(long)", "\(long)"])])
        #expect(list["urls"]?.string == "\(long) \(long)")
    }
}

@Suite(.timeLimit(.minutes(10))) struct LineWriterTests {
    private static func notice(_ count: Int) -> String { "missing \(count)" }

    @Test("Who writes never waits, and what is missing is told where it is missing")
    func unread() async throws {
        let ends = try ChildProcess.pipe()
        // F_SETPIPE_SZ: less than may wait, so that nothing fits without a reader.
        try #require(fcntl(ends.write, 1031, 4096) == 4096)
        let writer = LineWriter(ends.write, bound: 10_000, notice: Self.notice)
        for number in 0..<100_000 { writer.append("line \(number)") }
        #expect(!writer.flush(within: .milliseconds(1)))
        let reader = Transcript(of: ends.read)
        #expect(writer.flush(within: .seconds(30)))
        writer.append("the end")
        #expect(writer.flush(within: .seconds(30)))
        close(ends.write)
        let text = await reader.whole()
        let lines = text.split(separator: "\n").map(String.init)
        var next = 0
        for line in lines.dropLast() {
            if line.hasPrefix("missing ") {
                next += try #require(Int(line.dropFirst(8)))
            } else {
                #expect(line == "line \(next)")
                next += 1
            }
        }
        #expect(next == 100_000 && lines.last == "the end")
        #expect(lines.contains { $0.hasPrefix("missing ") })
    }

    @Test("Lines are written whole, those behind a change of file into the new one")
    func change() throws {
        let folder = try TemporaryFolder()
        func make(_ name: String) -> Int32 {
            open("\(folder.path)/\(name)", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        }
        let new = make("new")
        let writer = LineWriter(make("old"), notice: Self.notice)
        let long = String(repeating: "x", count: 10_000)
        writer.append("one")
        writer.append(long)
        writer.change { new }
        writer.append("two")
        writer.change { nil }
        writer.append("three")
        #expect(writer.flush(within: .seconds(30)))
        let (before, after) = (
            try File.contents("\(folder.path)/old"), try File.contents("\(folder.path)/new")
        )
        #expect(String(decoding: before, as: UTF8.self) == "one\n\(long)\n")
        #expect(String(decoding: after, as: UTF8.self) == "two\nthree\n")
    }

    @Test("Lines that could not be written are told as soon as lines can be written again")
    func full() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/log"
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        let writer = LineWriter(full, notice: Self.notice)
        writer.append("one")
        writer.append("two")
        #expect(writer.flush(within: .seconds(30)))
        writer.change { open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600) }
        writer.append("three")
        #expect(writer.flush(within: .seconds(30)))
        #expect(
            String(decoding: try File.contents(path), as: UTF8.self) == "missing 2\nthree\n")
    }
}
