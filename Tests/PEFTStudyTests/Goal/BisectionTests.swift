import PEFTStudy
import Testing

@Suite("The search for the smallest set")
struct BisectionTests {
  @Test(
    "it finds the smallest, with few trials, and has tried the next smaller one", arguments: 0...20)
  func smallest(count: Int) {
    for least in 0...count {
      var search = Bisection(count: count)
      let limit = search.trialLimit
      #expect(1 << limit > count && (count == 0 || 1 << (limit - 1) <= count))
      var tried: [Int] = []
      while let index = search.next {
        #expect(
          search.trialLimit == limit - tried.count || search.trialLimit == limit - tried.count - 1)
        #expect(!tried.contains(index))
        tried.append(index)
        search.record(index, reaches: index >= least)
      }
      #expect(search.smallest == (least < count ? least : nil), "\(least) of \(count)")
      #expect(tried.count <= limit && search.trialLimit == 0)
      #expect(least == 0 || tried.contains(least - 1))
      #expect(least == count || tried.contains(least))
    }
  }
}
