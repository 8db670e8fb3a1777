// The log of the router on stderr: a line of text, or an object of JSON, per event.

import Logging
import WAMP

struct LogLines: LogHandler {
    let target: LogTarget
    var metadata: Logger.Metadata = [:]
    let isJSON: Bool
    var isColored = false

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
                event.level, "\(event.message)", merged, at: .now(), isJSON: isJSON,
                isColored: isColored))
    }

    /// One line, `12:00:01.204 info  session joined  realm=realm1 session=812`.
    static func line(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at time: WallMoment,
        isJSON: Bool, isColored: Bool = false
    ) -> String {
        let entries = metadata.sorted { $0.key < $1.key }
        if isJSON {
            var object: Value.Dictionary = [
                "time": .string(time.timestamp), "level": .string(level.rawValue),
                "message": .string(message),
            ]
            for (key, value) in entries { object.append(key, .string("\(value)")) }
            return JSONText.text(.dictionary(object))
        }
        let fields = entries.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let name = Columns.left(level.rawValue, 7)
        return Style.faint.applied(to: time.timeOfDay, if: isColored) + " "
            + (style(of: level)?.applied(to: name, if: isColored) ?? name) + " "
            + Terminal.sanitized(message + (fields.isEmpty ? "" : "  \(fields)"))
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
