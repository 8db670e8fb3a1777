// The frames of a load: templates, envelopes, marks, and the ring of operations in flight.

import NIOCore
import Testing
import WAMP

@testable import WAMPLoad

@Suite struct BenchFrameTests {
    private let ids: [UInt64] = [1, 23, 24, 127, 128, 255, 256, 65_535, 65_536, 1 << 32, 1 << 53]

    private func written(_ template: LoadTemplate, _ id: UInt64, _ mark: LoadMark?) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: template.bound)
        let length = bytes.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { template.write(id: id, mark: mark, to: $0) } ?? 0
        }
        return Array(bytes[..<length])
    }

    @Test(
        "A template with its id patched is the message that the encoder writes",
        arguments: Serializer.allCases)
    func templates(serializer: Serializer) throws {
        let payload = Payload(args: ["0123456789abcdef"], kwargs: [:], as: serializer)
        for id in ids {
            let messages = { (id: UInt64) -> [Message] in
                [
                    .call(
                        Call(request: RequestID(id), procedure: "com.example.p", payload: payload)),
                    .yield(Yield(request: RequestID(id), payload: payload)),
                    .publish(
                        Publish(
                            request: RequestID(id), options: PublishOptions(acknowledge: true),
                            topic: "com.example.t", payload: payload)),
                ]
            }
            for (template, message) in zip(messages(1), messages(id)) {
                let bytes = written(LoadTemplate(template, as: serializer), id, nil)
                let expected = try MessageCoder.encode(message, as: serializer)
                #expect(bytes == Array(expected.readableBytesView), "\(id) \(message)")
            }
        }
    }

    @Test("Code and ids are read as the decoder reads them", arguments: Serializer.allCases)
    func envelopes(serializer: Serializer) throws {
        for id in ids {
            let messages: [(Message, AnswerFront)] = [
                (
                    .result(Result(request: RequestID(id))),
                    AnswerFront(code: 50, first: id, second: 0)
                ),
                (
                    .invocation(
                        Invocation(
                            request: RequestID(id), registration: RegistrationID(7),
                            payload: Payload())),
                    AnswerFront(code: 68, first: id, second: 7)
                ),
                (
                    .published(
                        Published(request: RequestID(id), publication: PublicationID(1 << 52))),
                    AnswerFront(code: 17, first: id, second: 1 << 52)
                ),
            ]
            for (message, expected) in messages {
                let bytes = Array(
                    try MessageCoder.encode(message, as: serializer).readableBytesView)
                #expect(
                    bytes.withUnsafeBytes { AnswerFront.scan($0, serializer) } == expected,
                    "\(id) \(message)")
                for length in 0..<min(bytes.count, 4) {
                    // A cut front is never taken for another message.
                    let found = bytes[..<length].withUnsafeBytes {
                        AnswerFront.scan($0, serializer)
                    }
                    #expect(
                        found == nil || found?.code == expected.code || length < 4,
                        "\(id) \(message) \(length)")
                }
            }
        }
        let spaced = Array("[ 50 , 123 , {}]".utf8)
        let found = spaced.withUnsafeBytes { AnswerFront.scan($0, .json) }
        #expect(found == nil || found == AnswerFront(code: 50, first: 123, second: 0))
    }

    @Test("A mark comes back from the bytes it was patched into", arguments: Serializer.allCases)
    func marks(serializer: Serializer) throws {
        let payload = Payload(args: [.string(LoadMark.blank)], kwargs: [:], as: serializer)
        let template = LoadTemplate(
            .publish(Publish(request: RequestID(1), topic: "com.example.t", payload: payload)),
            as: serializer)
        let mark = LoadMark(due: 123_456_789_012, sent: (1 << 48) - 1)
        let bytes = written(template, 99, mark)
        let message = try MessageCoder.decode(ByteBuffer(bytes: bytes), as: serializer)
        guard case .publish(let publish) = message else {
            Issue.record("not a PUBLISH")
            return
        }
        let text = try #require(try publish.payload.values().args.first?.string)
        #expect(Array(text.utf8).withUnsafeBytes(LoadMark.read) == mark)
        #expect(Array("short".utf8).withUnsafeBytes(LoadMark.read) == nil)
        #expect(Array("################".utf8).withUnsafeBytes(LoadMark.read) == nil)
    }

    @Test("The ring finds operations by their id, grows when places are taken, and forgets none")
    func ring() {
        var ring = LoadRing(capacity: 64)
        for id in 1...1000 {
            ring.insert(PendingOperation(request: UInt64(id), due: Int64(id), sent: 0))
        }
        #expect(ring.count == 1000)
        #expect(ring.remove(1001) == nil)
        #expect(ring.remove(500)?.due == 500)
        #expect(ring.remove(500) == nil)
        #expect(ring.count == 999)
        #expect(ring.pending.count == 999)
    }
}
