// The official vectors of single messages, run through the coder.

import NIOCore
import Testing
import WAMP

@Suite(.enabled(if: Vectors.areThere, "no vectors: set WAMPCTL_VECTORS to their directory"))
struct SingleMessageTests {
    @Test("all samples of the suite are found")
    func count() {
        #expect(Vectors.serializationSamples.count == 35)
        #expect(Vectors.validationSamples.count == 67)
    }

    @Test(
        "every variant of a sample, in every serializer, decodes to the same message",
        arguments: Vectors.serializationSamples)
    func decoding(_ sample: Sample) throws {
        var messages: Set<ByteBuffer> = []
        for serializer in Serializer.allCases {
            let variants = sample.variants(serializer)
            #expect(!variants.isEmpty, "\(serializer)")
            for bytes in variants {
                let message = try MessageCoder.decode(ByteBuffer(bytes: bytes), as: serializer)
                messages.insert(try MessageCoder.encode(message, as: .msgpack))
            }
        }
        #expect(messages.count == 1)
    }

    @Test(
        "what is encoded again is one of the sample's variants, roles in another order excepted",
        arguments: Vectors.serializationSamples)
    func encoding(_ sample: Sample) throws {
        for serializer in Serializer.allCases {
            let variants = sample.variants(serializer).map { ByteBuffer(bytes: $0) }
            // The most compact variant is the canonical one.
            let canonical = try #require(
                variants.min { $0.readableBytes < $1.readableBytes }, "\(serializer)")
            let message = try MessageCoder.decode(canonical, as: serializer)
            let encoded = try MessageCoder.encode(message, as: serializer)
            #expect(try MessageCoder.decode(encoded, as: serializer) == message, "\(serializer)")
            if message.code != .hello {
                #expect(encoded == canonical, "\(serializer)")
            } else {
                #expect(encoded.readableBytes == canonical.readableBytes, "\(serializer)")
            }
        }
    }

    @Test(
        "a sample in one serializer, transcoded, is the sample in another",
        arguments: Vectors.serializationSamples)
    func transcoding(_ sample: Sample) throws {
        for from in Serializer.allCases {
            let bytes = try #require(sample.variants(from).last, "\(from)")
            let message = try MessageCoder.decode(ByteBuffer(bytes: bytes), as: from)
            if message.code == .hello { continue }
            for to in Serializer.allCases {
                let encoded = try MessageCoder.encode(message, as: to)
                #expect(
                    sample.variants(to).contains(Array(encoded.readableBytesView)), "\(from) \(to)")
            }
        }
    }

    @Test(
        "an option of a wrong type or value is refused by its name, its neighbour accepted",
        arguments: Vectors.validationSamples, Serializer.allCases)
    func validation(_ sample: Sample, _ serializer: Serializer) throws {
        let elements = try #require(sample.content["wmsg"]?.list)
        let frame = Payload(args: elements, as: serializer).bytes
        if let expected = sample.content["expected_error"]?.dictionary {
            let name = try #require(expected["contains"]?.string)
            let violation = #expect(throws: ProtocolViolation.self) {
                try MessageCoder.decode(frame, as: serializer)
            }
            #expect(violation?.description.contains(name) ?? false)
        } else {
            #expect(throws: Never.self) { try MessageCoder.decode(frame, as: serializer) }
        }
    }
}
