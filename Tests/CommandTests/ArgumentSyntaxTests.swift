// The grammar of arguments: ARGUMENTS OF A CALL in wampctl-call(1).

import Testing
import WAMP

@testable import wampctl

@Suite struct ArgumentSyntaxTests {
    private let files: [String: [UInt8]] = [
        "text": Array("hello\n".utf8), "json": Array("{\"a\": [1]}".utf8), "bytes": [0, 1, 255],
    ]

    private func syntax(json: Bool = false) -> ArgumentSyntax {
        let files = files
        return ArgumentSyntax(wordsAreJSON: json) { path throws(FileError) in
            guard let bytes = files[path] else { throw FileError("no such file") }
            return bytes
        }
    }

    private func payload(_ words: String..., json: Bool = false) throws -> WrittenPayload {
        try syntax(json: json).payload(words: words)
    }

    @Test("A bare word is a string, whatever it looks like")
    func bareWords() throws {
        let payload = try payload("word", "42", "true", "007", "null", "1e5", "", "@x")
        #expect(payload.args == ["word", "42", "true", "007", "null", "1e5", "", "@x"])
        #expect(payload.bareWords.count == 8)
    }

    @Test("A value behind := is JSON, and integers keep all 64 bits")
    func jsonValues() throws {
        let payload = try payload(
            ":=42", ":=true", ":=[1,2]", ":={\"a\":1}", ":=9223372036854775807",
            ":=18446744073709551615")
        #expect(
            payload.args == [
                42, true, [1, 2], ["a": 1], .int(.max), .uint(.max),
            ])
        #expect(payload.bareWords.isEmpty)
    }

    @Test("Keys take strings with =, JSON with := and binary with %=")
    func keywords() throws {
        let payload = try payload("a=1", "b:=1", "c%=AAEC", "x-y.z=", "_k==v")
        #expect(
            payload.kwargs == [
                "a": "1", "b": 1, "c": .binary([0, 1, 2]), "x-y.z": "", "_k": "=v",
            ])
        #expect(payload.args.isEmpty)
    }

    @Test("Keywords may stand between positional values, whose order is kept")
    func mixed() throws {
        let payload = try payload("one", "k=v", ":=2")
        #expect(payload.args == ["one", 2])
        #expect(payload.kwargs == ["k": "v"])
    }

    @Test(
        "A word without key and operator at its start is a string",
        arguments: ["http://x/?a=b", "1a=b", "a b=c", "-k=v", "a:b=c", "a:", "%a=b"])
    func notKeywords(word: String) throws {
        #expect(try payload(word).args == [.string(word)])
    }

    @Test("Keys are of letters of any script, and := behind anything else is refused")
    func keys() throws {
        #expect(
            try payload("größe=5", "e\u{301}=1", "имя:=2").kwargs
                == ["größe": "5", "e\u{301}": "1", "имя": 2])
        for word in ["a b:=1", "a/b:=2", "1:=2"] {
            let error = #expect(throws: NotationError.self) { try payload(word) }
            #expect(error?.description.contains("in front of := is no key") == true)
            #expect(try payload("=\(word)").args == [.string(word)])
        }
        #expect(try payload("\"a b:=1\"", json: true).args == ["a b:=1"])
    }

    @Test("A key that an object of JSON has twice is refused, wherever it stands")
    func repeatedKeys() throws {
        for word in [":={\"a\":1,\"a\":2}", "k:=[{\"a\":{\"a\":1,\"a\":1}}]"] {
            let error = #expect(throws: NotationError.self) { try payload(word) }
            #expect(error?.description.contains("the key 'a' is given twice") == true)
        }
        let error = #expect(throws: NotationError.self) {
            try syntax().payload(words: [], kwargs: "{\"a\":1,\"a\":2}")
        }
        #expect(error?.description == "--kwargs: the key 'a' is given twice")
    }

    @Test("A leading = takes the text as it is, with @@ for one @")
    func verbatim() throws {
        #expect(try payload("=a=b").args == ["a=b"])
        #expect(try payload("=@@text").args == ["@text"])
        #expect(try payload("k=@@text").kwargs == ["k": "@text"])
        #expect(try payload("=").args == [""])
    }

    @Test("Files give strings, JSON and bytes")
    func readsFiles() throws {
        #expect(try payload("=@text").args == ["hello\n"])
        #expect(try payload("k=@text").kwargs == ["k": "hello\n"])
        #expect(try payload(":=@json").args == [["a": [1]]])
        #expect(try payload("%=@bytes").args == [.binary([0, 1, 255])])
        #expect(throws: NotationError.self) { try payload("=@bytes") }
        #expect(throws: NotationError.self) { try payload("=@missing") }
    }

    @Test("A repeated key is an error that names it, also against --kwargs")
    func repeatedKey() {
        let error = #expect(throws: NotationError.self) { try payload("a=1", "a:=2") }
        #expect(error?.description == "argument 2 'a:=2': the key 'a' is given twice")
        #expect(throws: NotationError.self) {
            try syntax().payload(words: ["a=1"], kwargs: "{\"a\": 2}")
        }
    }

    @Test("Whole lists come before the words")
    func wholeLists() throws {
        let payload = try syntax().payload(
            words: ["x", "k=v"], args: "[2, 3]", kwargs: "@json")
        #expect(payload.args == [2, 3, "x"])
        #expect(payload.kwargs == ["a": [1], "k": "v"])
        #expect(throws: NotationError.self) { try syntax().payload(words: [], args: "{}") }
        #expect(throws: NotationError.self) { try syntax().payload(words: [], kwargs: "[]") }
    }

    @Test("With -j bare words are JSON, and what is not JSON is an error, never a string")
    func jsonWords() throws {
        #expect(try payload("2", "\"s\"", "=t", "k=v", json: true).args == [2, "s", "t"])
        #expect(throws: NotationError.self) { try payload("word", json: true) }
    }

    @Test(
        "Errors name the argument",
        arguments: [":=", ":=NaN", ":=Infinity", ":=[1,", ":=01", "%=A", "%=AAE", "%=???", "k:=x"])
    func errorsNameTheArgument(word: String) {
        let error = #expect(throws: NotationError.self) { try payload("first", word) }
        #expect(error?.description.hasPrefix("argument 2 '\(word)'") == true)
    }

    @Test("Options need a key")
    func options() throws {
        let (key, value) = try syntax().option("timeout:=5")
        #expect(key == "timeout")
        #expect(value == 5)
        #expect(try syntax().option("x=5").value == "5")
        #expect(throws: NotationError.self) { try syntax().option("timeout") }
        #expect(throws: NotationError.self) { try syntax().option("=5") }
    }
}

@Suite struct StdinTests {
    @Test("JSON on stdin: a list gives args, an object kwargs, anything else one argument")
    func json() throws {
        #expect(try StdinMode.json.payload(Array("[1, 2]".utf8)).args == [1, 2])
        #expect(try StdinMode.json.payload(Array("{\"a\": 1}".utf8)).kwargs == ["a": 1])
        #expect(try StdinMode.jsonl.payload(Array("7".utf8)).args == [7])
    }

    @Test("Invalid JSON is reported with its line")
    func invalidJSON() {
        let error = #expect(throws: NotationError.self) {
            try StdinMode.json.payload(Array("[1,\n2,\nx]".utf8))
        }
        #expect(error?.description.hasPrefix("line 3 is not JSON") == true)
    }

    @Test("Text loses one final newline, bytes lose nothing")
    func textAndBytes() throws {
        #expect(try StdinMode.text.payload(Array("a\n\n".utf8)).args == ["a\n"])
        #expect(try StdinMode.bytes.payload([10, 255]).args == [.binary([10, 255])])
        #expect(throws: NotationError.self) { try StdinMode.text.payload([255]) }
    }

    @Test("A batch record names its procedure and may have arguments, options and an id")
    func batchRecord() throws {
        let record = try BatchRecord(
            line: Array(
                #"{"procedure":"a.b","args":[1],"kwargs":{"k":2},"options":{"_x":3},"id":"i"}"#.utf8
            ))
        #expect(record.target == "a.b")
        #expect(record.payload.args == [1])
        #expect(record.payload.kwargs == ["k": 2])
        #expect(record.options == ["_x": 3])
        #expect(record.id == "i")
    }

    @Test(
        "A record that is not one is refused",
        arguments: [
            "", "[]", "{}", #"{"procedure":1}"#, #"{"procedure":"a b"}"#,
            #"{"procedure":"a","args":{}}"#, #"{"procedure":"a","kwargs":[]}"#,
            #"{"procedure":"a","arg":[]}"#,
        ])
    func badRecords(line: String) {
        #expect(throws: NotationError.self) { try BatchRecord(line: Array(line.utf8)) }
    }
}
