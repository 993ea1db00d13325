"""The problems that challenges name: old ones that few people try, so that nobody fails to compile one by chance.

Each stood in the public problem set with this name, and by 2016 between 45 and 200 people had solved it. Contests
with languages of their own are left out.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PROBLEMS", "Named"]


class Named(NamedTuple):
    """A problem as people are told of it; its key is contest and letter."""

    key: str
    name: str

    @property
    def address(self) -> str:
        """Where it stands."""
        return f"https://codeforces.com/problemset/problem/{self.key}"


_LISTED = """\
11/E Forward, march!
23/D Tetragon
32/E Hide-and-Seek
36/C Bowls
37/D Lesson Timetable
37/E Trial for Chief
40/C Berland Square
40/D Interesting Sequence
42/E Baldman and the military
45/B School
46/F Hercule Poirot Problem
47/E Cannon
48/E Ivan the Fool VS Gorynych the Dragon
50/E Square Equation Roots
51/E Pentagon
51/F Caterpillar
60/D Savior
60/E Mushroom Gnomes
62/C Inquisition
62/D Wormhouse
62/E World Evil
67/E Save the City!
68/D Half-decay tree
70/E Information Reform
73/E Morrowindows
74/E Shift It!
75/E Ship's Shortest Path
76/C Mutation
77/D Domino Carpet
77/E Martian Food
78/D Archer's Shot
78/E Evacuation
81/E Pairs
82/E Corridor
83/E Two Subsequences
86/E Long sequence
87/E Mogohu-Rea Idol
89/D Space mines
91/D Grocer's Problem
93/C Azembler
93/D Flags
95/D Horse Races
97/C Winning Strategy
97/D Robot in Basement
98/C Help Greg the Dwarf
98/D Help Monks
98/E Help Shrek and Donkey
101/E Candies and Stones
103/E Buying Sets
105/C Item World
105/D Entertaining Geodetics
105/E Lift and Throw
107/C Arrangement
107/D Crime Management
107/E Darts
113/D Museum
113/E Sleeping
115/D Unambiguous Arithmetic Expression
117/E Tree or not Tree
119/D String Transformation
121/D Lucky Segments
125/D Two progressions
135/E Weak Subsequence
138/D World of Darkraft
138/E Hellish Constraints
140/E New Year Garland
142/D Help Shrek and Donkey 2
145/D Lucky Pair
150/D Mission Impassable
150/E Freezing with Style
152/E Garden
156/E Mrs. Hudson's Pancakes
163/D Large Refrigerator
166/D Shoe Store
167/D Wizards and Roads
167/E Wizards and Bets
173/D Deputies
173/E Camping Groups
175/E Power Defence
176/D Hyper String
176/E Archaeology
180/B Divisibility Rules
182/A Battlefield
183/C Cyclic Coloring
183/D T-shirt
185/D Visit of the Great
191/D Metro Scheme
193/D Two Segments
193/E Fibonacci Number
196/D The Next Good String
200/E Tractor College
201/E Thoroughly Bureaucratic Organization
203/E Transportation
209/B Pixels
212/B Polycarpus is Looking for Good Substrings
217/C Formurosa
217/D Bitonix' Patrol
217/E Alien DNA
220/D Little Elephant and Triangle
223/E Planar Graph
226/E Noble Knight's Path
232/C Doe Graphs
232/E Quick Tortoise
235/D Graph Game
235/E Number Challenge
238/D Tape Programming
238/E Meeting Her
240/E Road Repairs
248/E Piglet's Birthday
249/D Donkey and Stars
249/E Endless Matrix
256/D Liars and Serge
257/E Greedy Elevator
261/E Maxim and Calculator
263/E Rhombus
264/D Colorful Stones
264/E Roadside Trees
267/C Berland Traffic
273/D Dima and Figure
273/E Dima and Game
274/C The Last Hole!
274/E Mirror Room
277/D Google Code Jam
280/D k-Maximum Subsequence Sum
280/E Sequence Transformation
283/E Cow Tennis Tournament
286/E Ladies' Shop
288/E Polo the Penguin and Lucky Numbers
293/D Ksusha and Square
294/D Shaass and Painter Robot
297/E Mystic Carvings
301/E Yaroslav and Arrangements
303/D Rotatable Number
303/E Random Ranking
306/C White, Black and White Again
306/D Polygon
309/D Tennis Rackets
309/E Sheep
311/E Biologist
317/E Princess and Her Shadow
319/E Ping-Pong
321/D Ciel and Flipboard
323/B Tournament-graph
323/C Two permutations
325/C Monsters and Diamonds
325/D Reclamation
329/E Evil
332/D Theft of Blueprints
332/E Binary Key
335/D Rectangles and Square
335/E Counting Skyscrapers
335/F Buy One, Get One Free
336/E Vasily the Bear and Painting Square
341/E Candies Game
343/E Pumping Stations
346/E Doodle Jump
348/E Pilgrims
350/D Looking for Owls
354/D Transferring Pyramid
356/E Xenia and String Problem
360/D Levko and Sets
360/E Levko and Game
363/E Two Circles
364/E Empty Rectangles
367/E Sereja and Intervals
370/E Summer Reading
372/E Drawing Circles is Fun
374/E Inna and Babies
375/C Circling Round Treasures
375/E Red and Black Tree
377/E Cookie Clicker
380/E Sereja and Dividing
382/E Ksenia and Combinatorics
386/D Game with Points
388/D Fox and Perfect Sets
401/E Olympic Games
403/E Two Rooted Trees
406/E Hamming Triples
407/E k-d-sequence
413/E Maze 2D
418/D Big Problems for Organizers
418/E Tricky Password
420/E Playing the ball
429/E Points and Segments
434/D Nanami's Power Plant
434/E Furukawa Nagisa's Tree
436/F Banners
438/E The Child and Binary Tree
440/D Berland Federalization
441/E Valera and Number
442/E Gena and Second Distance
444/E DZY Loves Planting
446/D DZY Loves Games
449/E Jzzhu and Squares
453/D Little Pony and Elements of Harmony
453/E Little Pony and Lord Tirek
455/E Function
457/D Bingo!
460/E Roland and Rose
461/D Appleman and Complicated Task
461/E Appleman and a Game
464/E The Classic Problem
475/E Strongly Connected City 2
475/F Meta-universe
478/E Wavy numbers
482/D Random Function and Tree
491/C Deciphering
494/E Sharti
497/D Gears
497/E Subsequences Return
498/E Stairs and Lines
504/D Misha and XOR
504/E Misha and LCP on Tree
505/E Mr. Kitayuta vs. Bamboos
512/D Fox And Travelling
512/E Fox And Polygon
521/E Cycling City
528/E Triangles 3000
533/A Berland Miners
533/D Landmarks
536/D Tavas in Kansas
536/E Tavas on the Path
543/E Listening to Music
559/D Randomizer
559/E Gerald and Path
566/B Replicating Processes
566/C Logistical Questions
568/D Sign Posts
568/E Longest Increasing Subsequence
571/D Campus
573/D Bear and Cavalry
573/E Bear and Bowling
575/A Fibonotci
576/E Painting Edges
578/E Walking!
581/E Kojiro and Furrari
582/D Number of Binominal Coefficients
582/E Boolean Function
585/F Digits of Number Pi
587/D Duff in Mafia
587/E Duff as a Queen
587/F Duff is Mad
592/E BCPC
593/C Beautiful Function
593/E Strange Calculation and Cats
596/E Wilbur and Strings
598/F Cut Length
599/E Sandy and Nuts
600/F Edge coloring of bipartite graph
"""

PROBLEMS = tuple(Named(*line.split(" ", 1)) for line in _LISTED.splitlines())
"""Contest, letter and name of each."""
