// JSON as people write and read it.

import Testing
import WAMP

struct JSONTextTests {
    @Test("a text is parsed into its value")
    func parsing() throws {
        let value = try JSONText.parse(
            #" {"a": [1, -2, 1.0, true, null, "x\n"], "b": {}, "c": "\u0000AQI="} "#)
        #expect(
            value == [
                "a": [1, -2, 1.0, true, nil, "x\n"], "b": [:], "c": .binary([1, 2]),
            ])
    }

    @Test("integers are exact and stay apart from floats")
    func integers() throws {
        #expect(try JSONText.parse("9223372036854775807") == .int(.max))
        #expect(try JSONText.parse("18446744073709551615") == .uint(.max))
        #expect(try JSONText.parse("-9223372036854775808") == .int(.min))
        for digits in ["18446744073709551616", "-9223372036854775809", "1000000000000000000000"] {
            #expect(JSONText.text(try JSONText.parse(digits)) == digits, "\(digits)")
        }
        #expect(try JSONText.parse("1") != .double(1))
        #expect(try JSONText.parse("1e0") == .double(1))
    }

    @Test(
        "a number that no value can hold is refused",
        arguments: [
            "1e400", "-1e400", "[1,1e999]", String(repeating: "9", count: 39_457),
        ])
    func inexactNumbers(_ text: String) {
        #expect(throws: JSONTextError.self) { try JSONText.parse(text) }
    }

    @Test(
        "a fault is reported with its place",
        arguments: [
            ("", 0), ("nul", 0), ("[1,]", 3), ("{\"a\" 1}", 5), ("[1] x", 4), ("NaN", 0),
            ("\"a\nb\"", 2), ("[1", 2), ("01", 1),
        ])
    func faults(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONTextError.self) { try JSONText.parse(text) }
        #expect(error?.offset == offset)
        #expect(error?.description.isEmpty == false)
    }

    @Test("a value is written compactly, its keys in their order")
    func compact() {
        let value: Value = [
            "b": [1, 1.0, .uint(.max)], "a": ["\"\u{1}/é": nil], "c": .binary([1, 2]),
        ]
        #expect(
            JSONText.text(value)
                == #"{"b":[1,1.0,18446744073709551615],"a":{"\"\u0001/é":null},"c":"\u0000AQI="}"#)
    }

    @Test("a value is written over several lines, empty containers on one")
    func pretty() {
        let value: Value = ["a": [1, []], "b": [:]]
        #expect(
            JSONText.text(value, indent: 2) == """
                {
                  "a": [
                    1,
                    []
                  ],
                  "b": {}
                }
                """)
    }

    @Test("what JSON cannot hold is null")
    func notFinite() {
        #expect(JSONText.text([.double(.nan), .double(.infinity)]) == "[null,null]")
    }

    @Test(
        "a double is written in the fewest digits that give it back",
        arguments: [
            0.1, 1e20, .leastNonzeroMagnitude, 1.7976931348623157e308, -0.0, 123456789.125, 1e16,
            1e-7,
        ])
    func doubles(_ value: Double) throws {
        let text = JSONText.text(.double(value))
        #expect(try JSONText.parse(text) == .double(value))
        #expect(text.contains { ".e".contains($0) })
    }
}
