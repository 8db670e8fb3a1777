// One event as a line on stdout.

import WAMP
import WAMPClient

struct EventLine {
    var topic: String
    var publication: UInt64
    var args: [Value]
    var kwargs: Value.Dictionary
    var details: Value.Dictionary
    var time: WallMoment

    /// For people: `12:00:01.204  com.example.topic  ["a",1]  {"k":true}`.
    func text(isColored: Bool) -> String {
        var parts = [
            Style.faint.applied(to: time.timeOfDay, if: isColored), Terminal.sanitized(topic),
            ResultText.text(.list(args), pretty: false, colored: isColored),
        ]
        if !kwargs.isEmpty {
            parts.append(ResultText.text(.dictionary(kwargs), pretty: false, colored: isColored))
        }
        return parts.joined(separator: "  ")
    }

    /// The record of `-o jsonl`.
    var record: Value.Dictionary {
        [
            "type": "event", "time": .string(time.timestamp), "topic": .string(topic),
            "publication": Value(publication), "args": .list(args),
            "kwargs": .dictionary(kwargs), "details": .dictionary(details),
        ]
    }
}

extension EventLine {
    /// How many bytes of events may wait for a reader of stdout: a router would end the session of
    /// one that did not take them.
    static let bound = 64 << 20

    /// - Parameter topic: of the subscription, where the event does not tell it.
    /// - Throws: why the output cannot hold the event.
    init(_ event: EventMessage, topic: String, asJSON: Bool) throws(Unprintable) {
        let values = try event.payload.printable(asJSON: asJSON)
        self.init(
            topic: event.topic?.description ?? topic, publication: event.publication.rawValue,
            args: values.args, kwargs: values.kwargs, details: event.details, time: .now())
    }

    func print(as format: OutputFormat, isColored: Bool) {
        switch format {
        case .jsonl: Streams.shared.append(JSONText.text(.dictionary(record)))
        case .raw: Streams.shared.append(ResultText.raw(args: args))
        default: Streams.shared.append(text(isColored: isColored))
        }
    }
}
