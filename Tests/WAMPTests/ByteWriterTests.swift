// The scratch memory that everything is encoded into.

import NIOCore
import Testing
import WAMP

struct ByteWriterTests {
    @Test("bytes come out as they went in, however often the memory had to grow")
    func growth() {
        var writer = ByteWriter(capacity: 1)
        for index in 0..<10_000 { writer.append(UInt8(truncatingIfNeeded: index)) }
        #expect(writer.count == 10_000)
        let expected = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(writer.bytes.elementsEqual(expected))
    }

    @Test("after removeAll the memory is written again from the beginning")
    func reuse() {
        var writer = ByteWriter()
        writer.append("something")
        writer.removeAll()
        writer.append("else")
        #expect(writer.byteBuffer() == ByteBuffer(string: "else"))
    }

    @Test(
        "integers are written in decimal digits, up to the largest",
        arguments: [0, 9, 10, 99, 100, 1 << 53, 9_999_999_999_999_999_999, UInt64.max])
    func decimal(_ value: UInt64) {
        var writer = ByteWriter()
        writer.append(decimal: value)
        #expect(writer.byteBuffer() == ByteBuffer(string: String(value)))
    }
}
