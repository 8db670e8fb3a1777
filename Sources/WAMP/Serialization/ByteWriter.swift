// A growable run of bytes that is written front to back and used again. It knows no serializer.

package import NIOCore

/// Scratch memory for encoding: once it has grown, writing allocates nothing.
package struct ByteWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var isOwner = true
    /// The number of bytes written.
    package private(set) var count = 0

    /// - Parameter capacity: bytes to make room for at once.
    package init(capacity: Int = 512) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    /// Writes into the memory of another, who has made enough room.
    package init(into memory: UnsafeMutableRawPointer, capacity: Int) {
        base = memory.assumingMemoryBound(to: UInt8.self)
        self.capacity = capacity
        isOwner = false
    }

    deinit { if isOwner { base.deallocate() } }

    /// Forgets the bytes and keeps the memory.
    package mutating func removeAll() { count = 0 }

    /// The bytes written, until more are.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: count)
    }

    /// A copy of the bytes.
    package func byteBuffer() -> ByteBuffer { ByteBuffer(bytes: bytes) }

    /// Makes room for `extra` more bytes.
    @inline(__always)
    private mutating func reserve(_ extra: Int) {
        if capacity - count < extra { grow(extra) }
    }

    @inline(never)
    private mutating func grow(_ extra: Int) {
        let larger = max(capacity * 2, count + extra)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        memory.update(from: base, count: count)
        if isOwner { base.deallocate() }
        base = memory
        capacity = larger
        isOwner = true
    }

    @inline(__always)
    package mutating func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count += 1
    }

    @inline(__always)
    package mutating func append(_ text: StaticString) {
        append(text.utf8Start, count: text.utf8CodeUnitCount)
    }

    @inline(__always)
    package mutating func append(_ bytes: UnsafePointer<UInt8>, count length: Int) {
        reserve(length)
        (base + count).update(from: bytes, count: length)
        count += length
    }

    @inline(__always)
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
        append(start, count: bytes.count)
    }

    package mutating func append(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { append($0) }
    }

    /// Appends an integer, the highest byte first.
    @inline(__always)
    package mutating func append<I: FixedWidthInteger>(bigEndian value: I) {
        reserve(MemoryLayout<I>.size)
        UnsafeMutableRawPointer(base + count).storeBytes(of: value.bigEndian, as: I.self)
        count += MemoryLayout<I>.size
    }

    /// Appends an integer in decimal digits.
    @inline(__always)
    package mutating func append(decimal value: UInt64) {
        reserve(20)
        var rest = value
        var end = count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            base[end] = UInt8(truncatingIfNeeded: 0x30 + digit)
            end += 1
            rest = quotient
        } while rest > 0
        // The digits came lowest first.
        var low = count
        var high = end - 1
        while low < high {
            swap(&base[low], &base[high])
            low += 1
            high -= 1
        }
        count = end
    }

    /// Turns the one byte at `index` into a header: `first`, then the lowest `length` bytes of
    /// `value`, the highest of them first. What follows moves on.
    mutating func replaceByte(at index: Int, with first: UInt8, value: UInt64, length: Int) {
        base[index] = first
        guard length > 0 else { return }
        reserve(length)
        let tail = base + index + 1
        (tail + length).update(from: tail, count: count - index - 1)
        for offset in 0..<length {
            let shift = 8 * (length - 1 - offset)
            tail[offset] = UInt8(truncatingIfNeeded: value >> UInt64(shift))
        }
        count += length
    }
}
