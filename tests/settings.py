"""The site's settings for the tests, which read nothing of the developer's environment."""

from tests.support.machine import make_the_same

make_the_same()

from emsguide.settings import *  # noqa: E402, F403
