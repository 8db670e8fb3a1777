// The passive ends of a load: a callee that answers at once, and a subscriber that reads marks.

import NIOCore
package import WAMP

/// Answers every invocation with the same payload.
// Unchecked: used on the loop only.
package final class LoadCallee: FrameTaker, @unchecked Sendable {
    private let template: LoadTemplate

    package init(_ payload: Payload, as serializer: Serializer) {
        template = LoadTemplate(
            .yield(Yield(request: RequestID(1), payload: payload)), as: serializer)
    }

    package func take(_ frame: UnsafeRawBufferPointer, from port: LoadPort, at now: Int64) -> Bool {
        if let envelope = AnswerFront.scan(frame, port.serializer) {
            guard envelope.code == MessageCode.invocation.rawValue else { return false }
            port.send(template, id: envelope.first)
            return true
        }
        guard
            case .invocation(let invocation)? = try? MessageCoder.decode(
                .init(bytes: frame), as: port.serializer)
        else { return false }
        port.send(template, id: invocation.request.rawValue)
        return true
    }
}

/// Tells of every event, with the mark in its payload.
// Unchecked: used on the loop only.
package final class LoadSubscriber: FrameTaker, @unchecked Sendable {
    private let observer: any OperationObserver
    /// How far before the end of the frame the mark stands, if nothing follows the arguments.
    private let distance: Int

    package init(size: Int, as serializer: Serializer, observer: any OperationObserver) {
        self.observer = observer
        distance = size + (serializer == .json ? 3 : 0)
    }

    package func take(_ frame: UnsafeRawBufferPointer, from port: LoadPort, at now: Int64) -> Bool {
        guard AnswerFront.scan(frame, port.serializer)?.code == UInt64(MessageCode.event.rawValue)
        else { return false }
        if frame.count > distance,
            let mark = LoadMark.read(
                UnsafeRawBufferPointer(rebasing: frame[(frame.count - distance)...]))
        {
            observer.delivered(mark, at: now)
            return true
        }
        guard
            case .event(let event)? = try? MessageCoder.decode(
                .init(bytes: frame), as: port.serializer),
            let text = try? event.payload.values().args.first?.string,
            let mark = Array(text.utf8).withUnsafeBytes(LoadMark.read)
        else { return false }
        observer.delivered(mark, at: now)
        return true
    }
}
