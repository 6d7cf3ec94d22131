"""Shells that live at the agent: their output by offset, who watches, and how they survive the agent."""
