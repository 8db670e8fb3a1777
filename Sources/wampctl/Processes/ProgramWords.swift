// The words of the line, byte for byte as the process was given them. They are text only where they
// are UTF-8: nothing is put right without a word.

import CArguments
import Glibc

struct ProgramWords {
    /// Without the name of the program.
    let words: [[UInt8]]

    static let own = ProgramWords(
        words: (0..<argument_count()).dropFirst().map { bytes(at: argument($0)) })

    /// The name by which this program was called.
    static let programName: String? = argument_count() > 0 ? String(cString: argument(0)) : nil

    /// The words as text, where what is not UTF-8 is replaced: see `fault`.
    var texts: [String] { words.map { String(decoding: $0, as: UTF8.self) } }

    /// The first word that is not UTF-8 and would be read here: a command for the router to run
    /// gets its words as they are.
    var fault: CommandFailure? {
        let isRouter = words.first.map { $0.elementsEqual(RouterCommand.name.utf8) } == true
        let read = isRouter ? words.prefix { !$0.elementsEqual("--".utf8) } : words[...]
        guard let word = read.first(where: { String(validating: $0, as: UTF8.self) == nil }) else {
            return nil
        }
        return CommandFailure(
            .usage, "argument '\(Self.shown(word))' is not UTF-8 text",
            hints: ["the bytes of a file are sent with %=@FILE, or key%=@FILE"])
    }

    /// The last words, for a program that they are handed on to.
    func last(_ count: Int) -> [[UInt8]] { Array(words.suffix(count)) }

    /// The text with `\xe9` for what is none.
    private static func shown(_ word: [UInt8]) -> String {
        var text = "", rest = word[...]
        while let first = rest.first {
            let length = (1...4).first {
                String(validating: rest.prefix($0), as: UTF8.self) != nil && $0 <= rest.count
            }
            if let length {
                text += String(decoding: rest.prefix(length), as: UTF8.self)
            } else {
                text += "\\x" + (first < 16 ? "0" : "") + String(first, radix: 16)
            }
            rest = rest.dropFirst(length ?? 1)
        }
        return text
    }

    static func bytes(at word: UnsafePointer<CChar>) -> [UInt8] {
        (0..<strlen(word)).map { UInt8(bitPattern: word[$0]) }
    }
}
