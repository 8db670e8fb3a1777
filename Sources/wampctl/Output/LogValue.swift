// What stands in a log line: cut to a length, and in quotes where it could be taken for something
// else.

import Logging
import WAMP

enum LogValue {
    /// A value as text, cut to a length; of a list, each part is.
    static func cut(_ value: Logger.Metadata.Value) -> String {
        switch value {
        case .array(let parts): parts.map(cut).joined(separator: " ")
        default: "\(value)".excerpt
        }
    }

    /// A value on a line: as it is if it is a word, else in quotes as in JSON, with escapes for
    /// what cannot be seen.
    static func text(_ value: String) -> String {
        guard value.isEmpty || value.unicodeScalars.contains(where: { !isPlain($0) }) else {
            return value
        }
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where isInvisible(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// The words in front of the fields: two blanks end them.
    static func sentence(_ text: String) -> String {
        let words = text.unicodeScalars.split { $0 == " " || isInvisible($0) }
        return words.map { String($0) }.joined(separator: " ")
    }

    /// A key: letters, digits, `.`, `-` and `_`.
    static func key(_ text: String) -> String {
        let letters = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_": scalar
            default: "_"
            }
        }
        return letters.isEmpty ? "_" : String(String.UnicodeScalarView(letters))
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "=", "\"", "\\": false
        default: !scalar.properties.isWhitespace && !isInvisible(scalar)
        }
    }

    /// Control characters, breaks of lines, and marks that turn the direction of writing.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
