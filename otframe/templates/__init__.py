"""What `otframe new-plugin` starts a plugin from.

The templates are plain files filled in by `string.Template`, so that rendering needs nothing but Python, works offline,
and the wheel carries all of it.
"""

from otframe.templates.render import PluginNames, plugin_names, render

__all__ = ["PluginNames", "plugin_names", "render"]
