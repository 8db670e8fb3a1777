// The active end of a load: a session that issues operations by itself or when told, and tells how
// each ended. A state machine on the loop, without a task or a continuation for any of them.

import NIOCore
package import WAMP

/// How an operation ended.
package enum OperationEnd: Equatable, Sendable {
    case done
    case error(ErrorURI)
}

/// Who hears of operations, on the loop. Moments are nanoseconds of `LoadTick.now`.
package protocol OperationObserver: AnyObject {
    /// Whether a closed load may issue another operation.
    func mayIssue() -> Bool
    func ended(due: Int64, sent: Int64, at now: Int64, _ end: OperationEnd)
    /// An event reached a subscriber.
    func delivered(_ mark: LoadMark, at now: Int64)
}

/// What a session does again and again.
package enum LoadOperation: Sendable {
    case call(URI, Payload)
    /// To the topics in turn, with acknowledgement; the payload's mark is patched.
    case publish([URI], Payload)
    /// REGISTER and UNREGISTER of a procedure whose URI begins so.
    case registerAndUnregister(String)
}

// Unchecked: used on the loop only.
package final class LoadSession: FrameTaker, @unchecked Sendable {
    /// Taken in turn.
    private let templates: [LoadTemplate]
    private let operation: LoadOperation
    private let answer: MessageCode
    private let errorOf: MessageCode
    private let observer: any OperationObserver
    private let epoch: Int64
    private var ring: LoadRing
    private var lastRequest: UInt64
    private var target = 0
    private var serial: UInt64 = 0
    /// Lets go of us when its connection ends, which ends this circle.
    private var port: LoadPort?

    /// - Parameters:
    ///   - epoch: from when the moments in marks count.
    ///   - inFlight: how many operations may be under way, as far as is known.
    package init(
        _ operation: LoadOperation, as serializer: Serializer, epoch: Int64, inFlight: Int,
        observer: any OperationObserver
    ) {
        self.operation = operation
        self.observer = observer
        self.epoch = epoch
        let messages: [Message]
        switch operation {
        case .call(let procedure, let payload):
            messages = [
                .call(Call(request: RequestID(1), procedure: procedure, payload: payload))
            ]
            (answer, errorOf) = (.result, .call)
        case .publish(let topics, let payload):
            messages = topics.map { topic in
                .publish(
                    Publish(
                        request: RequestID(1), options: PublishOptions(acknowledge: true),
                        topic: topic, payload: payload))
            }
            (answer, errorOf) = (.published, .publish)
        case .registerAndUnregister(let prefix):
            messages = [
                .register(
                    Register(
                        request: RequestID(1),
                        procedure: URI("\(prefix).\(LoadMark.blank)")))
            ]
            (answer, errorOf) = (.registered, .register)
        }
        templates = messages.map { LoadTemplate($0, as: serializer) }
        ring = LoadRing(capacity: 4 * inFlight)
        lastRequest = 0
    }

    func attached(_ port: LoadPort, lastRequest: UInt64) {
        self.port = port
        self.lastRequest = lastRequest
    }

    /// Operations under way.
    package var inFlight: Int { ring.count }

    /// Whether any of them may still be answered.
    package var isWaiting: Bool { ring.count > 0 && port?.isOpen == true }

    /// When those under way should have been sent.
    package var pendingDues: [Int64] { ring.pending.map(\.due) }

    /// Keeps so many operations under way; 0 = issues none by itself.
    package func keep(inFlight: Int) {
        target = inFlight
        pump(LoadTick.now)
    }

    package func issue(due: Int64, at now: Int64) {
        guard let port, port.isOpen else { return }
        issue(due: due, at: now, through: port)
    }

    private func issue(due: Int64, at now: Int64, through port: LoadPort) {
        lastRequest += 1
        ring.insert(PendingOperation(request: lastRequest, due: due, sent: now))
        let template = templates[Int(truncatingIfNeeded: lastRequest) % templates.count]
        switch operation {
        case .call: port.send(template, id: lastRequest)
        case .publish:
            let mark = LoadMark(
                due: UInt64(clamping: due - epoch), sent: UInt64(clamping: now - epoch))
            port.send(template, id: lastRequest, mark: mark)
        case .registerAndUnregister:
            serial += 1
            port.send(template, id: lastRequest, mark: LoadMark(due: 0, sent: serial))
        }
    }

    private func pump(_ now: Int64) {
        guard let port else { return }
        while ring.count < target, port.isOpen, observer.mayIssue() {
            issue(due: now, at: now, through: port)
        }
    }

    package func take(_ frame: UnsafeRawBufferPointer, from port: LoadPort, at now: Int64) -> Bool {
        guard let envelope = AnswerFront.scan(frame, port.serializer) else {
            return takeWhole(frame, port, now)
        }
        switch envelope.code {
        case UInt64(answer.rawValue):
            guard let found = ring.remove(envelope.first) else { return false }
            if answer == .registered {
                lastRequest += 1
                var next = found
                next.request = lastRequest
                next.step = 1
                ring.insert(next)
                port.send(code: .unregister, id: lastRequest, other: envelope.second)
            } else {
                finish(found, now)
            }
            return true
        case UInt64(MessageCode.unregistered.rawValue):
            guard let found = ring.remove(envelope.first) else { return false }
            finish(found, now)
            return true
        case UInt64(MessageCode.error.rawValue): return takeWhole(frame, port, now)
        default: return false
        }
    }

    package func readEnded(at now: Int64) { if target > 0 { pump(now) } }

    private func finish(_ operation: PendingOperation, _ now: Int64) {
        observer.ended(due: operation.due, sent: operation.sent, at: now, .done)
    }

    /// Reads errors, and what is written in an uncommon way.
    private func takeWhole(
        _ frame: UnsafeRawBufferPointer, _ port: LoadPort, _ now: Int64
    ) -> Bool {
        guard let message = try? MessageCoder.decode(.init(bytes: frame), as: port.serializer)
        else { return false }
        let request: RequestID
        let end: OperationEnd
        switch message {
        case .error(let error)
        where error.requestType == errorOf || error.requestType == .unregister:
            (request, end) = (error.request, .error(error.error))
        case .result(let result) where !result.details.progress:
            (request, end) = (result.request, .done)
        case .published(let published): (request, end) = (published.request, .done)
        default: return false
        }
        guard let found = ring.remove(request.rawValue) else { return false }
        observer.ended(due: found.due, sent: found.sent, at: now, end)
        return true
    }
}
