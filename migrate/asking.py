"""What a run waits for people to do, in the words of the steps that wait, with what AWS said only at run time.

The rule: it reads the journal and nothing else. What is not known yet is not said.
"""

from migrate.ground import Ground
from migrate.kind import Action
from migrate.steps import Step


def of_step(ground: Ground, step: Step) -> list[str]:
    """The texts of one step; none where it is done, or where the thing is not made yet."""
    action = ground.kind(step).action(step.action)
    # Nearly every action has nothing to say; its resource is not typed for that.
    if type(action).says is Action.says or ground.journal.state(step.id) == "verified":
        return []
    if step.create_id in ground.plan.steps and ground.journal.state(step.create_id) != "verified":
        return []
    return list(action.says(ground.it(step), ground.journal.outputs(step.create_id)))


def of_all(ground: Ground) -> dict[str, list[str]]:
    """The texts of every step that waits, by step."""
    found = {step.id: of_step(ground, step) for step in ground.plan.steps.values()}
    return {step: texts for step, texts in found.items() if texts}
