"""What people do on the pages, in their words."""

from dataclasses import dataclass

from playwright.async_api import Page, expect

PATIENCE_MS = 40_000
"""For anything that a call takes; on two busy cores a job's start takes seconds."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class CallerPage:
    """Somebody who calls."""

    page: Page

    async def call(self, url: str, name: str) -> None:
        """Open the page, give a name, press Call; returns once Agent A has asked how it can help."""
        await self.page.goto(url)
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_role("button", name="Call").click()
        await self.hears("How can I help")

    async def type(self, text: str) -> None:
        """Type instead of speaking."""
        await self.page.get_by_label("Type a message").fill(text)
        await self.page.keyboard.press("Enter")

    async def hears(self, words: str) -> None:
        """Wait until the transcript shows these words."""
        await expect(self.page.get_by_role("log").get_by_text(words).first).to_be_visible()

    async def is_told(self, words: str) -> None:
        """Wait until the state of the call is this."""
        await expect(self.page.get_by_role("status").filter(has_text=words).first).to_be_visible()

    async def hang_up(self) -> None:
        """Press End; returns once the page says that the call is over."""
        await self.page.get_by_role("button", name="End", exact=True).click()
        await expect(self.page.get_by_role("heading", name="The call has ended")).to_be_visible()


@dataclass(frozen=True, slots=True)
class DeskPage:
    """A person who is Agent B."""

    page: Page

    async def sit_down(self, url: str, name: str) -> None:
        """Open the desk of this person and be available."""
        await self.page.goto(f"{url}/agent-b")
        await self.page.get_by_role("button", name=name).click()
        await expect(self.page.get_by_text("live", exact=True)).to_be_visible()
        await self.page.get_by_text("Available", exact=True).click()
        await expect(self.page.get_by_text("Calls for your skills ring here.")).to_be_visible()

    async def press(self, name: str) -> None:
        """Press this button once it is there."""
        await self.page.get_by_role("button", name=name, exact=True).click(timeout=PATIENCE_MS)

    async def sees(self, words: str) -> None:
        """Wait until these words are shown."""
        await expect(self.page.get_by_text(words).first).to_be_visible()
