// Plain messages are read in a way of their own: it must never tell anything but what the decoder
// of all messages tells.

import NIOCore
import Testing

@testable import WAMP

struct PlainMessageTests {
    private static let samples = [
        #"[48,7814135,{},"com.example.add",["é",1.5,-3],{"k":"\u0000AQI="}]"#,
        #"[48,1,{},"a.b"]"#, #"[48,200,{},"a.b",[]]"#, #"[48,70000,{},"a.b",[],{"a":[1,[2]]}]"#,
        #"[70,9007199254740992,{},["sixteen bytes !!"]]"#, #"[70,5000000000,{},[],{}]"#,
        #"[50,7,{},[[[[1],2],3],"\ud83d\ude42"]]"#, #"[68,1,9007199254740991,{},[true,null]]"#,
        #"[16,300,{},"topic.of.some.length",[1],{"b":false}]"#, #"[36,77,88,{},[0.1]]"#,
        #"[48,1,{"timeout":5},"a.b",[1]]"#, #"[70,1,{"progress":true},[1]]"#,
    ]

    private static func frame(_ sample: String, _ serializer: Serializer) throws -> [UInt8] {
        if serializer == .json { return Array(sample.utf8) }
        let elements = try #require(try JSONText.parse(sample).list)
        return Array(Payload(args: elements, as: serializer).bytes.readableBytesView)
    }

    /// What the decoder of all messages says of a frame; nil if it refuses it.
    private func inFull(_ frame: ByteBuffer, _ serializer: Serializer) -> Message? {
        try? MessageCoder.decodeAny(frame, as: serializer)
    }

    /// What a batch says of it, in memory where bytes stand around it.
    private func batched(_ frame: [UInt8], _ serializer: Serializer) -> Message? {
        let batch = MessageBatch()
        let buffer = batch.add(ByteBuffer(bytes: [0x5b] + frame + [0x5d, 0x80]))
        do {
            try batch.decode(buffer, from: 1, count: frame.count, as: serializer)
            return batch.take(at: 0)
        } catch {
            return nil
        }
    }

    @Test("whole, each is what the decoder says", arguments: samples, Serializer.allCases)
    func whole(_ sample: String, _ serializer: Serializer) throws {
        let frame = try PlainMessageTests.frame(sample, serializer)
        let expected = try #require(inFull(ByteBuffer(bytes: frame), serializer))
        #expect(batched(frame, serializer) == expected)
        let batch = MessageBatch()
        let buffer = batch.add(ByteBuffer(bytes: frame))
        try batch.decode(buffer, from: 0, count: frame.count, as: serializer)
        #expect((batch.plain(at: 0) != nil) == sample.contains("{},"))
    }

    @Test(
        "changed in any one byte, each is what the decoder says", arguments: samples,
        Serializer.allCases)
    func changed(_ sample: String, _ serializer: Serializer) throws {
        let frame = try PlainMessageTests.frame(sample, serializer)
        for index in frame.indices {
            for byte in 0...255 as ClosedRange<UInt8> {
                var changed = frame
                changed[index] = byte
                let expected = inFull(ByteBuffer(bytes: changed), serializer)
                let seen = batched(changed, serializer)
                if seen != expected { Issue.record("\(serializer) \(changed)") }
            }
        }
    }

    @Test(
        "cut or extended anywhere, each is what the decoder says", arguments: samples,
        Serializer.allCases)
    func cut(_ sample: String, _ serializer: Serializer) throws {
        let frame = try PlainMessageTests.frame(sample, serializer)
        for length in 0...frame.count {
            let cut = Array(frame[..<length])
            for extended in [cut, cut + [0], cut + [0x5d], cut + [0x80], cut + [0x20]] {
                let expected = inFull(ByteBuffer(bytes: extended), serializer)
                #expect(batched(extended, serializer) == expected, "\(length) \(extended)")
            }
        }
    }

    @Test("a batch keeps the order of plain messages and others")
    func order() throws {
        let batch = MessageBatch()
        var expected: [Message] = []
        for (index, sample) in (PlainMessageTests.samples + PlainMessageTests.samples).enumerated()
        {
            let serializer = Serializer.allCases[index % 3]
            let frame = ByteBuffer(bytes: try PlainMessageTests.frame(sample, serializer))
            try batch.decode(
                batch.add(frame), from: 0, count: frame.readableBytes, as: serializer)
            expected.append(try MessageCoder.decodeAny(frame, as: serializer))
        }
        #expect(batch.takeAll() == expected)
        batch.removeAll()
        #expect(batch.isEmpty)
    }
}
