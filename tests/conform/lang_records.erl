%% Records: defaults, access, update, matching, guards, what is raised.
-module(lang_records).
-export([main/0, id/1]).
-record(p, {name = "none", age = 0, tags = [] :: list()}).
-record(q, {p = #p{}, x}).
id(X) -> X.
main() ->
    A = #p{}, B = #p{name = "b", _ = z}, C = A#p{age = 5, tags = [t]}, Q = #q{x = C},
    [A, B, C, Q, C#p.age, (Q#q.x)#p.tags, Q#q{p = A#p{age = 1}}, #p.age, record_info(size, p), record_info(fields, q), is_record(C, p), is_record(id({p, 1}), p), is_record(id({p, 1, 2, 3}), p, 4), element(#p.name, C), [X#p.age || X = #p{age = G} <- [A, C, Q], G > 0], case C of #p{age = 5, name = N} -> N end, try (id(Q))#p.age catch error:E -> E end, try (id(x))#p{age = 1} catch error:E2 -> E2 end, #p{age = 5} =:= {p, "none", 5, []}].
