// Lines redrawn in place on a terminal.

import Glibc

struct LiveDisplay {
    /// Where it draws: stdout if that is the terminal, else stderr.
    let descriptor: Int32
    private var drawn = 0

    init(descriptor: Int32) { self.descriptor = descriptor }

    var width: Int { Terminal.size(of: descriptor).columns }

    /// How many lines a picture may have: the cursor stands on one more.
    var height: Int { Terminal.size(of: descriptor).rows - 1 }

    /// Replaces what was drawn before. Lines are cut to the width, so that none wraps and none is
    /// left behind; those beyond the height would scroll away and could not be taken back.
    mutating func draw(_ lines: [String]) {
        let width = width
        let lines = lines.prefix(max(1, height))
        var text = clearing
        for line in lines { text += line.prefixOfColumns(width - 1) + "\n" }
        // A terminal that stands still misses a picture.
        if Streams.shared.draw(text, on: descriptor) { drawn = lines.count }
    }

    /// Takes the picture away, for the final figures.
    mutating func clear() {
        if Streams.shared.draw(clearing, on: descriptor) { drawn = 0 }
    }

    private var clearing: String { drawn == 0 ? "" : "\u{1b}[\(drawn)A\r\u{1b}[J" }
}

extension String {
    /// The beginning that fits, where escape sequences take no column.
    func prefixOfColumns(_ limit: Int) -> String {
        var text = "", columns = 0, isEscape = false
        for character in self {
            if character == "\u{1b}" { isEscape = true }
            if isEscape {
                text.append(character)
                if character.isLetter { isEscape = false }
                continue
            }
            guard columns + character.columnCount <= limit else {
                columns = limit
                continue
            }
            text.append(character)
            columns += character.columnCount
        }
        return text
    }
}
