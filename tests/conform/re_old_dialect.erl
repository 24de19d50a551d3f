%% Where the older library read patterns otherwise: hyphens after classes, letters beyond ASCII, groups in groups. (25 only)
-module(re_old_dialect).
-export([main/0]).
main() ->
    [[run(S, P, O) || {S, P, O} <- [
        {"12-34z", "[\\d-z]+", []}, {"12-34z", "[[:digit:]-z]+", []}, {"a.b-c", "[\\w-.]+", []}, {"5-z", "[\\d-a-z]+", []}, {"x", "[z-\\d]", []},
        {"x", "[a-\\d]+x", []}, {"x", "[[:digit:]-z]+(", []}, {"x", "[\\d-", []}, {"x", "[--\\d]", []}, {"x", "[a-\\d-z](", []},
        {[229], "\\w", [unicode]}, {[229], "^\\w", [unicode]}, {[229], "(?U)\\w", [unicode]}, {[1024], "\\w", [unicode]}, {[1024], "\\w", [unicode, ucp]}, {[229], "\\W", [unicode]},
        {"A8B9C", "^A\\8B\\9C$", []}, {"z", "[\\z\\C]", []}, {"R", "[\\R]", []}, {"B", "x|[\\B]", []}, {"81", "\\81", []}, {"aa9", "(a)\\19", []}, {"a", "[\\N]", []}, {"a", "(a)\\7(", []}]],
     [case re:compile([lists:duplicate(N, $(), lists:duplicate(N, $))]) of {ok, _} -> ok; E -> E end || N <- [250, 251, 798, 799, 2000]],
     re:run(re:version(), "^[0-9]\\.[0-9]{2} 20[0-9]{2}-[0-9]{2}-[0-9]{2}", [{capture, none}])].
run(S, P, O) -> case re:compile(P, O) of {ok, M} -> re:run(S, M); E -> E end.
