// Finding a slot by the bytes of a URI: open addressing, linear probing, a hash seeded per realm
// (URIs are chosen by peers). Looking up makes no String and allocates nothing.

import BasicContainers

struct URITable: ~Copyable {
    /// `slot` is `.max` in an empty bucket.
    struct Bucket {
        var hash: UInt32
        var slot: UInt32
        static let empty = Bucket(hash: 0, slot: .max)
    }

    private var buckets = UniqueArray(repeating: Bucket.empty, count: 16)
    private var count = 0
    private let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    /// The slot that was stored for `uri`, if `isSame` confirms it.
    @inline(__always)
    func find(_ uri: UnsafeRawBufferPointer, isSame: (UInt32) -> Bool) -> UInt32? {
        find(hash(uri), isSame: isSame)
    }

    @inline(__always)
    private func find(_ hash: UInt32, isSame: (UInt32) -> Bool) -> UInt32? {
        let mask = buckets.count - 1
        var index = Int(hash) & mask
        while buckets[index].slot != .max {
            if buckets[index].hash == hash, isSame(buckets[index].slot) {
                return buckets[index].slot
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Has the processor fetch the bucket that looking for `uri` begins with.
    /// - Returns: the hash, for `first(hashed:)`.
    @inline(__always)
    func prefetch(_ uri: UnsafeRawBufferPointer) -> UInt32 {
        let hash = self.hash(uri)
        buckets.prefetch(Int(hash) & (buckets.count - 1))
        return hash
    }

    /// A slot whose URI has this hash, and may be another one.
    @inline(__always)
    func first(hashed hash: UInt32) -> UInt32? {
        find(hash) { _ in true }
    }

    /// Stores `slot` for a `uri` that is not in the table.
    mutating func insert(_ uri: UnsafeRawBufferPointer, slot: UInt32) {
        if (count + 1) * 4 > buckets.count * 3 { grow() }
        place(Bucket(hash: hash(uri), slot: slot))
        count += 1
    }

    /// Removes the entry of `uri` that holds `slot`, closing the gap it leaves in its run.
    mutating func remove(_ uri: UnsafeRawBufferPointer, slot: UInt32) {
        let mask = buckets.count - 1
        var gap = Int(hash(uri)) & mask
        while buckets[gap].slot != slot {
            guard buckets[gap].slot != .max else { return }
            gap = (gap + 1) & mask
        }
        var index = (gap + 1) & mask
        while buckets[index].slot != .max {
            let home = Int(buckets[index].hash) & mask
            // An entry may move back to the gap unless its home lies behind the gap.
            if (index &- home) & mask >= (index &- gap) & mask {
                buckets[gap] = buckets[index]
                gap = index
            }
            index = (index + 1) & mask
        }
        buckets[gap] = .empty
        count -= 1
    }

    private mutating func grow() {
        var old = UniqueArray(repeating: Bucket.empty, count: buckets.count * 2)
        swap(&old, &buckets)
        for index in old.indices where old[index].slot != .max { place(old[index]) }
    }

    private mutating func place(_ bucket: Bucket) {
        let mask = buckets.count - 1
        var index = Int(bucket.hash) & mask
        while buckets[index].slot != .max { index = (index + 1) & mask }
        buckets[index] = bucket
    }

    /// Eight bytes at a time, each mixed in by a 64 × 64 → 128 bit multiplication. The last eight
    /// may overlap with those before.
    private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var state = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        if bytes.count >= 8 {
            var offset = 0
            while offset + 8 < bytes.count {
                mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), into: &state)
                offset += 8
            }
            let last = bytes.count - 8
            mix(bytes.loadUnaligned(fromByteOffset: last, as: UInt64.self), into: &state)
        } else {
            var word: UInt64 = 0
            for byte in bytes { word = word << 8 | UInt64(byte) }
            mix(word, into: &state)
        }
        return UInt32(truncatingIfNeeded: state ^ (state >> 32))
    }

    @inline(__always)
    private func mix(_ word: UInt64, into state: inout UInt64) {
        let product = (state ^ word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(
            by: 0xE703_7ED1_A0B4_28DB)
        state = product.high ^ product.low
    }
}
