// Text in columns of a terminal, where some characters take two and some none.

/// Text in columns.
enum Columns {
    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.columnCount))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.columnCount)) + text
    }

    /// A text whose lines are broken at blanks where they are too long. What follows in an entry of
    /// a table stands under its last column, in any other line under its beginning.
    static func wrapped(_ text: String, within columns: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { wrapped(line: $0, within: columns) }.joined(separator: "\n")
    }

    private static func wrapped(line: Substring, within columns: Int) -> String {
        guard String(line).columnCount > columns else { return String(line) }
        let column = lastColumn(of: line, before: columns * 2 / 3)
        let margin = String(repeating: " ", count: column)
        let words = line.dropFirst(column).split(separator: " ").map(String.init)
        let rows = filled(words, separator: " ", within: columns - column)
        return line.prefix(column) + rows.joined(separator: "\n\(margin)")
    }

    /// Where the text behind the last gap of two or more blanks begins.
    private static func lastColumn(of line: Substring, before limit: Int) -> Int {
        var column = 0, blanks = 2
        for (place, character) in line.prefix(limit).enumerated() {
            if character != " ", blanks >= 2 { column = place }
            blanks = character == " " ? blanks + 1 : 0
        }
        return column
    }

    /// Lines of parts that stand beside each other as long as they fit.
    static func filled(_ parts: [String], separator: String, within columns: Int) -> [String] {
        var lines: [String] = []
        for part in parts {
            if let last = lines.last,
                last.columnCount + separator.count + part.columnCount <= columns
            {
                lines[lines.count - 1] = last + separator + part
            } else {
                lines.append(part)
            }
        }
        return lines
    }
}

extension Character {
    /// The columns it takes: two for the wide ones of East Asia and for pictures, none for marks.
    var columnCount: Int {
        guard let scalar = unicodeScalars.first else { return 0 }
        if scalar.properties.isEmojiPresentation { return 2 }
        switch scalar.value {
        case 0..<0x300: return 1
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff,
            0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd:
            return 2
        default: break
        }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return 1
        }
    }
}

extension String {
    /// The columns it takes.
    var columnCount: Int { reduce(0) { $0 + $1.columnCount } }
}
