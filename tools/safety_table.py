"""Write the table of limits in docs/safety.md from the data files: python tools/safety_table.py."""

from pathlib import Path

from assuage.safety import load_rule_set
from assuage.safety.records import Condition, Rule, RuleSet, Source, TrainTable

DOCS = Path(__file__).parents[1] / "docs" / "safety.md"
BEGIN, END = "<!-- table: python tools/safety_table.py -->", "<!-- end of table -->"
SIGN = {"at_most": "≤", "at_least": "≥", "below": "<", "above": ">"}


def render(rules: RuleSet) -> str:
    """Return the tables of every limit, table, notice, topic and interaction."""
    return "\n".join([
        f"Rule set: {rules.name}, version {rules.version}.",
        "",
        *_table("rule", "holds for", "limit", "beyond", "population", "source (how far read)", rows=_limits(rules)),
        "",
        *_table("screening topic", "asks", "yes leads to", "source (how far read)", rows=_topics(rules)),
        "",
        *_table("interaction", "when", "leads to", "source (how far read)", rows=_interactions(rules)),
        "",
        *_table("quantity", "belongs to", rows=_belongs(rules)),
        "",
        *_table("technique", "has to state", rows=_techniques(rules)),
    ])  # fmt: skip


def rewritten(text: str, rules: RuleSet) -> str:
    """Return a page with the tables between the marks renewed."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{render(rules)}\n\n{END}{tail}"


def _table(*headings: str, rows: list[tuple[str, ...]]) -> list[str]:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return ["| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines]


def _limits(rules: RuleSet) -> list[tuple[str, ...]]:
    found = [
        (_name(rule), _list(rule.techniques), _limit(rule), _beyond(rule), rule.population, _cited(rule.source))
        for rule in rules.rules
    ]
    found += [
        (
            f"`{table.rule_id}`",
            _list(table.techniques),
            f"{table.says}: {len(table.frequency_Hz)} frequencies by {len(table.intensity_percent_mt)} intensities",
            _ends(table),
            table.population,
            _cited(table.source),
        )
        for table in rules.train_tables
    ]
    found += [
        (
            f"`{table.rule_id}`",
            _list(table.techniques),
            f"{table.says}: {len(table.interval_s)} pauses by {len(table.intensity_percent_mt)} intensities"
            + _only(table.only),
            "stop; warn between rows",
            table.population,
            _cited(table.source),
        )
        for table in rules.interval_tables
    ]
    found += [
        (
            f"`{table.rule_id}`",
            "where `stimulator` names it",
            f"{table.says}: {len(table.output_percent_mso)} outputs",
            "stop",
            table.device,
            _cited(table.source),
        )
        for table in rules.output_tables
    ]
    found += [
        (
            f"`{notice.rule_id}`",
            _list(notice.techniques),
            f"always: {notice.says}",
            notice.outcome,
            notice.population,
            _cited(notice.source),
        )
        for notice in rules.notices
    ]
    return found


def _topics(rules: RuleSet) -> list[tuple[str, ...]]:
    return [
        (
            f"`screen_{topic.key}`",
            topic.asks,
            "; ".join(f"{entry.consequence} ({_list(entry.techniques)})" for entry in topic.answered),
            "; ".join(dict.fromkeys(_cited(entry.source) for entry in topic.answered)),
        )
        for topic in rules.topics
    ]


def _interactions(rules: RuleSet) -> list[tuple[str, ...]]:
    return [
        (
            f"`{rule.rule_id}`",
            " and ".join(
                [" or ".join(keys) for keys in (rule.any_of, rule.and_any_of) if keys] + [str(c) for c in rule.when]
            ),
            f"{rule.consequence} ({_list(rule.techniques)})",
            _cited(rule.source),
        )
        for rule in rules.interactions
    ]


def _belongs(rules: RuleSet) -> list[tuple[str, ...]]:
    return [(f"`{quantity}`", _list(techniques)) for quantity, techniques in rules.belongs.items()]


def _techniques(rules: RuleSet) -> list[tuple[str, ...]]:
    return [
        (
            f"`{technique.name}`",
            ", ".join([
                *technique.mandatory,
                *(f"{quantity} if {condition}" for quantity, condition in technique.required_when),
            ]),
        )
        for technique in rules.techniques.values()
    ]  # fmt: skip


def _name(rule: Rule) -> str:
    return f"`{rule.rule_id}`" + (f" (part of `{rule.joint}`)" if rule.joint else "")


def _limit(rule: Rule) -> str:
    limit = f"{rule.limit:g} {rule.unit}" if isinstance(rule.limit, float) else f"`{rule.limit}`"
    when = f" where {' and '.join(map(str, rule.when))}" if rule.when else ""
    return f"{rule.says}: `{rule.quantity}` {SIGN[rule.comparison]} {limit}{when}{_only(rule.only)}"


def _only(conditions: tuple[Condition, ...]) -> str:
    return f"; speaks only of {' and '.join(map(str, conditions))}" if conditions else ""


def _beyond(rule: Rule) -> str:
    elsewhere = f"; another device: {rule.elsewhere}" if rule.elsewhere else ""
    kinds = {"harm seen": "; harm limit, never passes", "definition": "; what a name or number means, never passes"}
    return rule.beyond + elsewhere + kinds.get(rule.kind, "")


def _ends(table: TrainTable) -> str:
    return (
        table.beyond
        if table.beyond == table.open_beyond
        else f"{table.beyond}; {table.open_beyond} where longer was not tried"
    )


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _cited(source: Source) -> str:
    return f"{source.citation} ({source.level})"


if __name__ == "__main__":
    DOCS.write_text(rewritten(DOCS.read_text(encoding="utf-8"), load_rule_set()), encoding="utf-8")
