// The environment variables that a program is started with. Names are text; values may be any
// bytes, and are handed on as they are.

import Glibc

struct ProgramEnvironment {
    /// Each `NAME=value`.
    private(set) var entries: [[UInt8]]

    /// All variables of this process.
    static var inherited: ProgramEnvironment {
        var entries: [[UInt8]] = []
        var entry = environ
        while let text = entry.pointee {
            entries.append(ProgramWords.bytes(at: text))
            entry += 1
        }
        return ProgramEnvironment(entries: entries)
    }

    subscript(name: String) -> String? {
        get {
            entries.first { Self.name(of: $0) == name }.map {
                String(decoding: $0.dropFirst(name.utf8.count + 1), as: UTF8.self)
            }
        }
        set {
            removeAll { $0 == name }
            if let newValue { entries.append(Array("\(name)=\(newValue)".utf8)) }
        }
    }

    mutating func removeAll(where isUnwanted: (String) -> Bool) {
        entries.removeAll { isUnwanted(Self.name(of: $0)) }
    }

    /// The first of our own variables whose value is not UTF-8: it would be read as another one.
    var fault: CommandFailure? {
        let name = entries.first {
            Self.name(of: $0).hasPrefix("WAMPCTL_") && String(validating: $0, as: UTF8.self) == nil
        }.map(Self.name)
        return name.map { CommandFailure(.usage, "\($0) is not UTF-8 text") }
    }

    private static func name(of entry: [UInt8]) -> String {
        String(decoding: entry.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    }
}
