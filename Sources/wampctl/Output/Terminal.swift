// What the two output streams are, and what may therefore be written to them.
// Colour, redraw and block characters are decided here and nowhere else.

import Glibc
import WAMP

/// When to colour.
enum ColorChoice: String, CaseIterable {
    case auto, always, never
}

struct Terminal {
    var stdoutIsTerminal: Bool
    var stderrIsTerminal: Bool
    var stdoutHasColor: Bool
    var stderrHasColor: Bool
    /// A display may be redrawn in place.
    var canRedraw: Bool
    var isUTF8: Bool

    /// Judges the streams of this process.
    static func current(color: ColorChoice, live: Bool, environment: Environment) -> Terminal {
        Terminal(
            stdoutIsTerminal: isatty(STDOUT_FILENO) == 1,
            stderrIsTerminal: isatty(STDERR_FILENO) == 1,
            color: color, live: live, environment: environment)
    }

    /// Judges streams of the given nature.
    init(
        stdoutIsTerminal: Bool, stderrIsTerminal: Bool, color: ColorChoice = .auto,
        live: Bool = true, environment: Environment
    ) {
        self.stdoutIsTerminal = stdoutIsTerminal
        self.stderrIsTerminal = stderrIsTerminal
        let isDumb = environment["TERM"] == "dumb"
        let isPlain = !(environment["NO_COLOR"] ?? "").isEmpty
        let isForced = !["", "0"].contains(environment["CLICOLOR_FORCE"] ?? "")
        func hasColor(_ isTerminal: Bool) -> Bool {
            switch color {
            case .always: true
            case .never: false
            case .auto: !isPlain && (isForced || isTerminal && !isDumb)
            }
        }
        stdoutHasColor = hasColor(stdoutIsTerminal)
        stderrHasColor = hasColor(stderrIsTerminal)
        canRedraw = live && !isDumb && !isPlain
        let locale = [environment["LC_ALL"], environment["LC_CTYPE"], environment["LANG"]]
            .compactMap { $0 }.first { !$0.isEmpty }
        isUTF8 = (locale ?? "").uppercased().replacing("-", with: "").contains("UTF8")
    }

    /// The size of the terminal behind a descriptor, as it is now; 80 and 24 where there is none.
    static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return (80, 24) }
        return (
            size.ws_col > 0 ? Int(size.ws_col) : 80, size.ws_row > 0 ? Int(size.ws_row) : 24
        )
    }

    /// How wide a text on stdout may be: as COLUMNS says, else as the terminal; 80 where there is
    /// none.
    static func columns(_ environment: Environment) -> Int {
        let stated = environment["COLUMNS"].flatMap(Int.init) ?? 0
        return max(40, stated > 0 ? stated : size(of: STDOUT_FILENO).columns)
    }

    /// The text on one line, without what could steer the terminal: a peer may have written it.
    /// - Parameter keepsLines: lines stay lines, which somebody of ours has made.
    static func sanitized(_ text: String, keepsLines: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: \.isSteering) else { return text }
        var clean = ""
        for scalar in text.unicodeScalars {
            if !scalar.isSteering || keepsLines && scalar == "\n" {
                clean.unicodeScalars.append(scalar)
            } else {
                clean += scalar == "\n" || scalar == "\t" ? " " : "?"
            }
        }
        return clean
    }
}

/// The colours in use.
enum Style: String {
    case key = "\u{1b}[34m"
    case string = "\u{1b}[32m"
    case number = "\u{1b}[36m"
    case literal = "\u{1b}[35m"
    case good = "\u{1b}[1;32m"
    case bad = "\u{1b}[1;31m"
    case faint = "\u{1b}[2m"

    func applied(to text: String, if isOn: Bool = true) -> String {
        isOn ? "\(rawValue)\(text)\u{1b}[0m" : text
    }
}

/// The environment variables, as a value so that tests can state them.
struct Environment: ExpressibleByDictionaryLiteral {
    private let variables: [String: String]?

    /// The environment of this process.
    static let process = Environment(nil)

    private init(_ variables: [String: String]?) { self.variables = variables }

    init(dictionaryLiteral elements: (String, String)...) {
        variables = Dictionary(elements) { $1 }
    }

    subscript(name: String) -> String? {
        if let variables { return variables[name] }
        return getenv(name).map { String(cString: $0) }
    }
}
