from django import template

from agencies.text import of_city

register = template.Library()
register.filter(of_city)
