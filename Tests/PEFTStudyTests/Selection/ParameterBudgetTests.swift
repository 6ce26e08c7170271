import PEFTStudy
import Testing

@Suite("Parameter budgets")
struct ParameterBudgetTests {
  @Test(
    "numbers and shares, with the head or beside it",
    arguments: [
      ("5000", 5000), ("0.5%", 500), ("0.5 %", 500), ("5000+head", 5030), ("0.5%+head", 530),
      ("100%", 100_000), ("1e-3%", 1),
    ])
  func parsed(_ text: String, _ count: Int) {
    #expect(ParameterBudget(text)?.count(of: 100_000, head: 30) == count)
  }

  @Test(
    "a budget's description is parsed as the same budget",
    arguments: ["5000", "0.5%", "5000+head", "0.05%+head", "0.001%"])
  func described(_ text: String) {
    #expect(ParameterBudget(text)?.description == text)
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "0", "-5", "0%", "-1%", "nan%", "inf%", "%", "0.5", "+head", "5 +head", "5+heads",
      "5+head%",
      "head", "5+head+head",
    ])
  func refused(_ text: String) {
    #expect(ParameterBudget(text) == nil)
  }

  @Test("no share overflows")
  func large() {
    #expect(ParameterBudget("1e300%+head")?.count(of: 1 << 36, head: 1 << 20) ?? 0 > 1 << 60)
    #expect(ParameterBudget("\(Int.max)+head")?.count(of: 1, head: 1 << 20) ?? 0 > 1 << 60)
  }
}
