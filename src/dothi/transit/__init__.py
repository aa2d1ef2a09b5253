"""Public transport: journeys by timetable or headway, and how full vehicles are."""
