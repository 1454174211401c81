"""Its model."""

from __future__ import annotations

from django.db import models

from queueapi.compat.delayed_job import handle_asynchronously


class Order(models.Model):
    text = models.CharField(max_length=100)

    def confirm(self, by: str = "mail") -> str:
        self.text = f"{self.text}, confirmed by {by}"
        self.save()
        return str(self.text)

    @handle_asynchronously(queue="mail")
    def remind(self) -> str:
        return f"reminded of {self.text}"
