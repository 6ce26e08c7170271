/// The style sheet of pages: calm, for light and dark mode, wide screens, phones and paper.
enum PageStyle {
  /// The width of a drawing on a wide page.
  static let wideDrawing = 720.0
  /// The widths of a drawing on a wide page, and on a phone.
  static let drawingWidths = [wideDrawing, 358]

  static let sheet = """
    :root { color-scheme: light dark; \(variables(Palette.light)); --accent: \(Palette.accent) }
    @media (prefers-color-scheme: dark) { :root { \(variables(Palette.dark)) } }
    * { box-sizing: border-box }
    html { -webkit-text-size-adjust: 100% }
    body { margin: 0; background: var(--page); color: var(--ink);
      font: 16px/1.55 Inter, system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif }
    main { max-width: 50rem; margin: 0 auto; padding: 3rem 1.25rem 4rem }
    h1, h2, h3 { line-height: 1.2; letter-spacing: -.015em; text-wrap: balance }
    h1 { font-size: clamp(1.7rem, 1.1rem + 2.4vw, 2.5rem); font-weight: 700; margin: 0 0 1rem }
    h2 { font-size: 1.3rem; font-weight: 650; margin: 3.25rem 0 .5rem }
    h3 { font-size: 1rem; font-weight: 650; margin: 1.75rem 0 .25rem }
    p { margin: .5rem 0; max-width: 44rem; text-wrap: pretty; overflow-wrap: anywhere }
    .kicker { color: var(--muted); font-size: .875rem; font-weight: 550; margin: 0 0 .6rem }
    .lead { font-size: 1.125rem; line-height: 1.5 }
    .note, figcaption, caption { color: var(--muted); font-size: .875rem; line-height: 1.5 }
    .warning { border-left: 4px solid \(Palette.negative); padding: .35rem .75rem; background: var(--surface);
      border-radius: .25rem }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.4rem, 1fr)); gap: .75rem;
      margin: 2rem 0 0; padding: 0 }
    .figures div { background: var(--surface); border: 1px solid var(--line); border-radius: .6rem;
      padding: .8rem .9rem; display: flex; flex-direction: column }
    .figures dt { color: var(--muted); font-size: .8125rem; line-height: 1.3 }
    .figures dd { margin: 0; font-size: .8125rem; line-height: 1.35; color: var(--muted) }
    .figures dd.value { font-size: 1.4rem; font-weight: 650; line-height: 1.35; color: var(--ink);
      font-variant-numeric: tabular-nums; white-space: nowrap; letter-spacing: -.01em }
    table { border-collapse: collapse; margin: .75rem 0; font-size: .9rem }
    caption { text-align: left; padding: 0 0 .35rem }
    th, td { text-align: left; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line);
      vertical-align: baseline }
    th:last-child, td:last-child { padding-right: 0 }
    thead th { color: var(--muted); font-weight: 500; font-size: .8125rem; vertical-align: bottom }
    tbody th { font-weight: 500 }
    td { overflow-wrap: anywhere }
    .facts td { color: var(--muted) }
    .wide td, .wide thead th + th { text-align: right; font-variant-numeric: tabular-nums }
    .wide td, .wide th[scope=row] { white-space: nowrap }
    .wide table { min-width: min(100%, 30rem) }
    .ours th, .ours td { font-weight: 650; background: var(--surface) }
    .ours th { box-shadow: inset 3px 0 var(--accent); padding-left: .6rem }
    .long { font-size: .875rem }
    .long th[scope=row] { white-space: normal; overflow-wrap: anywhere; font-weight: normal;
      min-width: min(11rem, 40vw) }
    .matrix td { padding: .3rem .55rem; text-align: right; white-space: nowrap; border: 2px solid var(--page); border-radius: 3px }
    .wide, figure { overflow-x: auto }
    .wide:focus-visible, figure:focus-visible, summary:focus-visible, pre:focus-visible {
      outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 4px }
    figure { margin: 1rem 0 }
    figcaption { margin-top: .75rem; max-width: 44rem }
    svg { display: block; width: 100%; height: auto }
    .scrolled svg { min-width: 45rem }
    .phone { display: none }
    details { border-top: 1px solid var(--line) }
    details:last-of-type { border-bottom: 1px solid var(--line) }
    summary { cursor: pointer; padding: .7rem 0; font-weight: 550 }
    summary:hover { color: var(--accent) }
    details[open] { padding-bottom: 1rem }
    pre { overflow-x: auto; padding: .75rem 1rem; background: var(--surface); border: 1px solid var(--line);
      border-radius: .5rem; font-size: .8125rem; line-height: 1.5 }
    @media (max-width: 34rem) { main { padding: 1.75rem 1rem 3rem } h2 { margin-top: 2.5rem }
      .desk { display: none } .phone { display: block } .figures { grid-template-columns: 1fr 1fr }
      .figures dd.value { font-size: 1.2rem } th, td { padding-right: .8rem } }
    @media print { :root { color-scheme: light; \(variables(Palette.light)); --page: #fff }
      main { max-width: none; padding: 0 } figure, tr, .figures { break-inside: avoid }
      h2, h3 { break-after: avoid } .desk { display: block } .phone { display: none }
      .scrolled svg { min-width: 0 } pre { white-space: pre-wrap } }
    """

  private static func variables(_ scheme: Palette.Scheme) -> String {
    "--page: \(scheme.page); --ink: \(scheme.ink); --muted: \(scheme.muted); "
      + "--surface: \(scheme.surface); --line: \(scheme.line)"
  }
}
