// The log of the router: a line of text, or an object of JSON, per event. What peers sent stands in
// the values of fields only, and no value can look like another field, or like a line.

import Logging
import WAMP

struct LogLines: LogHandler {
    let target: LogTarget
    var metadata: Logger.Metadata = [:]

    /// One level for all loggers of the process, so that a reload reaches each.
    var logLevel: Logger.Level {
        get { target.level }
        set { target.level = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var merged = metadata
        if let more = event.metadata { merged.merge(more) { $1 } }
        target.write(
            Self.line(
                event.level, "\(event.message)", merged, at: .now(), isJSON: target.isJSON,
                isColored: target.isColored))
    }

    /// One line, `2026-11-22 12:00:01.204 info    session joined  realm=realm1 session=812`.
    static func line(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at time: WallMoment,
        isJSON: Bool, isColored: Bool = false
    ) -> String {
        let fields = fields(of: metadata)
        if isJSON {
            var object: Value.Dictionary = [
                "time": .string(time.timestamp), "level": .string(level.rawValue),
                "message": .string(message),
            ]
            for (key, value) in fields { object.append(key, .string(value)) }
            return JSONText.text(.dictionary(object))
        }
        let name = Columns.left(level.rawValue, 7)
        let words = fields.map { "\($0.key)=\(LogValue.text($0.value))" }.joined(separator: " ")
        return Style.faint.applied(to: "\(time.localDate) \(time.timeOfDay)", if: isColored) + " "
            + (style(of: level)?.applied(to: name, if: isColored) ?? name) + " "
            + LogValue.sentence(message) + (words.isEmpty ? "" : "  \(words)")
    }

    /// The line that stands for lines that are missing.
    static func missing(_ count: Int, isJSON: Bool) -> String {
        line(
            .warning, "lines of the log are missing: they were not taken in time",
            ["count": "\(count)"], at: .now(), isJSON: isJSON)
    }

    /// What every line has of its own.
    private static let ownKeys = ["time", "level", "message"]

    /// Keys in order, each of them once and none of those that every line has.
    private static func fields(of metadata: Logger.Metadata) -> [(key: String, value: String)] {
        var taken = ownKeys
        return metadata.sorted { $0.key < $1.key }.map { key, value in
            var name = LogValue.key(key)
            while taken.contains(name) || name != key && metadata[name] != nil { name += "_" }
            taken.append(name)
            return (name, LogValue.cut(value))
        }
    }

    private static func style(of level: Logger.Level) -> Style? {
        switch level {
        case .critical, .error: .bad
        case .warning: .literal
        case .debug, .trace: .faint
        default: nil
        }
    }
}
