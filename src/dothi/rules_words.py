"""What rules say in other languages than English; the words of `dothi.rules`."""

from __future__ import annotations

from typing import Final

RULES: Final[dict[str, tuple[str, str]]] = {
    "is a known key": ("est une clé connue", "là khóa được biết"),
    "is given": ("est indiqué", "phải có"),
    "is one of {a}": ("est l’un de : {a}", "là một trong: {a}"),
    "is one of {a}; this is {b}": ("est l’un de : {a} ; ici : {b}", "là một trong: {a}; ở đây là {b}"),
    "is not empty": ("n’est pas vide", "không để trống"),
    "has {a} or more entries": ("a au moins {a} éléments", "có ít nhất {a} mục"),
    "is a finite number": ("est un nombre fini", "là số hữu hạn"),
    "is at least {a}": ("vaut au moins {a}", "ít nhất là {a}"),
    "is above {a}": ("est supérieur à {a}", "lớn hơn {a}"),
    "is at most {a}": ("vaut au plus {a}", "nhiều nhất là {a}"),
    "is below {a}": ("est inférieur à {a}", "nhỏ hơn {a}"),
    "is text in quotes": ("est un texte entre guillemets", "là văn bản trong ngoặc kép"),
    "is a number": ("est un nombre", "là một số"),
    "is a whole number": ("est un nombre entier", "là số nguyên"),
    "is true or false": ("est true ou false", "là true hoặc false"),
    "is a list in brackets": ("est une liste entre crochets", "là danh sách trong ngoặc vuông"),
    "is a table": ("est une table", "là một bảng"),
    "is a day, such as 2025-07-01": ("est une date, par exemple 2025-07-01", "là một ngày, ví dụ 2025-07-01"),
    "is smaller than {a} bytes": ("fait moins de {a} octets", "nhỏ hơn {a} byte"),
    "is smaller than {a} bytes; put large areas into files of GeoJSON": (
        "fait moins de {a} octets ; mettez les grandes surfaces dans des fichiers GeoJSON",
        "nhỏ hơn {a} byte; hãy để các vùng lớn trong tệp GeoJSON",
    ),
    "file is present": ("le fichier existe", "có tệp này"),
    "is a file": ("est un fichier", "là một tệp"),
    "can be read ({a})": ("est lisible ({a})", "đọc được ({a})"),
    "is UTF-8 text; line {a} is not: save it as UTF-8": (
        "est un texte UTF-8 ; la ligne {a} ne l’est pas : enregistrez en UTF-8",
        "là văn bản UTF-8; dòng {a} thì không: hãy lưu lại dạng UTF-8",
    ),
    "is valid TOML, whose brackets are not nested beyond reason": (
        "est du TOML valable, aux crochets raisonnablement imbriqués",
        "là TOML hợp lệ, ngoặc không lồng quá sâu",
    ),
    "is valid TOML ({a})": ("est du TOML valable ({a})", "là TOML hợp lệ ({a})"),
    "is a file within the folder of the study, named from there": (
        "est un fichier du dossier de l’étude, nommé à partir de là",
        "là tệp trong thư mục nghiên cứu, nêu tên từ đó",
    ),
    "is a file inside the study": ("est un fichier à l’intérieur de l’étude", "là tệp nằm trong thư mục nghiên cứu"),
    "is a file of at most {a} MiB": ("est un fichier d’au plus {a} Mio", "là tệp nhiều nhất {a} MiB"),
    "is a file that can be read ({a})": ("est un fichier lisible ({a})", "là tệp đọc được ({a})"),
    "is a file of GeoJSON, UTF-8": ("est un fichier GeoJSON, en UTF-8", "là tệp GeoJSON, mã UTF-8"),
    "is a CSV file of the study, or a list of [seconds, value]": (
        "est un fichier CSV de l’étude, ou une liste de [secondes, valeur]",
        "là tệp CSV của nghiên cứu, hoặc danh sách [giây, giá trị]",
    ),
    "has one column of {a}, and one of {b}": (
        "a une colonne parmi {a}, et une parmi {b}",
        "có một cột trong số {a} và một cột trong số {b}",
    ),
    "has 1 to {a} rows": ("a de 1 à {a} lignes", "có từ 1 đến {a} dòng"),
    "is finite throughout": ("n’a que des valeurs finies", "mọi giá trị đều hữu hạn"),
    "has times that grow from row to row": (
        "a des temps croissants d’une ligne à l’autre",
        "có thời gian tăng dần từ dòng này sang dòng sau",
    ),
    "has numbers in all rows ({a})": ("a des nombres dans toutes les lignes ({a})", "mọi dòng đều là số ({a})"),
    "has two rows or more, so that steps have a length": (
        "a au moins deux lignes, pour que les pas aient une durée",
        "có ít nhất hai dòng, để bước thời gian có độ dài",
    ),
    "is a name of letters, digits, blanks, dots and dashes": (
        "est un nom fait de lettres, chiffres, espaces, points et tirets",
        "là tên gồm chữ, số, dấu cách, dấu chấm và gạch nối",
    ),
    "is left out: a scenario is named after its file": (
        "est omis : un scénario porte le nom de son fichier",
        "không ghi: kịch bản mang tên của tệp",
    ),
    "does not rest on itself": ("ne repose pas sur lui-même", "không dựa trên chính nó"),
    "is a scenario: {a}": ("est un scénario : {a}", "là một kịch bản: {a}"),
    "is at most {a} bytes long": ("fait au plus {a} octets", "dài nhiều nhất {a} byte"),
    "neither begins nor ends with a blank or a dot": (
        "ne commence ni ne finit par un espace ou un point",
        "không bắt đầu hay kết thúc bằng dấu cách hoặc dấu chấm",
    ),
    "is whole characters of Unicode": ("est fait de caractères Unicode complets", "gồm các ký tự Unicode đầy đủ"),
    "has brackets that are not nested beyond reason": (
        "a des crochets raisonnablement imbriqués",
        "có ngoặc không lồng quá sâu",
    ),
    "no other scenario rests on it": ("aucun autre scénario ne repose dessus", "không kịch bản nào khác dựa trên nó"),
    "is a scenario of this study ({a})": (
        "est un scénario de cette étude ({a})",
        "là kịch bản của nghiên cứu này ({a})",
    ),
    "is a scenario that can be read ({a})": ("est un scénario lisible ({a})", "là kịch bản đọc được ({a})"),
    "names scenarios with commas between": (
        "nomme des scénarios séparés par des virgules",
        "nêu tên các kịch bản, cách nhau bằng dấu phẩy",
    ),
    "was run: dothi run {a}": ("a été simulé : dothi run {a}", "đã được mô phỏng: dothi run {a}"),
    "was run on the city as it is now: dothi run {a}": (
        "a été simulé sur la ville telle qu’elle est : dothi run {a}",
        "đã được mô phỏng trên thành phố như hiện nay: dothi run {a}",
    ),
    "was run as it is written now: dothi run {a}": (
        "a été simulé tel qu’il est écrit : dothi run {a}",
        "đã được mô phỏng đúng như đang viết: dothi run {a}",
    ),
    "is whole: dothi run {a} makes it again": (
        "est entier : dothi run {a} le refait",
        "còn nguyên vẹn: dothi run {a} làm lại",
    ),
    "is whole: run again": ("est entier : relancez la simulation", "còn nguyên vẹn: hãy chạy lại"),
    "is a model: one of {a}": ("est un modèle parmi : {a}", "là một mô hình trong số: {a}"),
    "is a model: {a} is none of {b}": ("est un modèle : {a} n’est pas parmi {b}", "là mô hình: {a} không có trong {b}"),
    "table is present": ("la table existe", "có bảng này"),
    "table is present: this city has no roads": (
        "la table existe : cette ville n’a pas de voirie",
        "có bảng này: thành phố này chưa có đường",
    ),
    "raster is present": ("la grille existe", "có lưới này"),
    "there is a result of {a}": ("il y a un résultat de {a}", "có kết quả của {a}"),
    "has a built city: run dothi build": (
        "a une ville construite : lancez dothi build",
        "có thành phố đã dựng: chạy dothi build",
    ),
    "names the built city: run dothi build to mend it": (
        "nomme la ville construite : lancez dothi build pour le réparer",
        "nêu thành phố đã dựng: chạy dothi build để sửa",
    ),
    "the built city is there: run dothi build to make it again": (
        "la ville construite est là : lancez dothi build pour la refaire",
        "thành phố đã dựng còn đó: chạy dothi build để dựng lại",
    ),
    "no run goes on in this study: try again when it has ended": (
        "aucune simulation n’est en cours dans cette étude : réessayez ensuite",
        "không có lượt chạy nào trong nghiên cứu này: hãy thử lại khi xong",
    ),
    "no other run goes on: wait for {a}, or cancel it": (
        "aucune autre simulation n’est en cours : attendez {a}, ou annulez-la",
        "không có lượt chạy nào khác: đợi {a}, hoặc hủy nó",
    ),
    "ran without a fault of Dothi: what its server printed says more": (
        "s’est exécuté sans faute de Dothi : la sortie du serveur en dit plus",
        "chạy không lỗi của Dothi: dòng in của máy chủ nói rõ hơn",
    ),
    "is the id of a run of this server": (
        "est l’identifiant d’une simulation de ce serveur",
        "là mã của một lượt chạy trên máy chủ này",
    ),
    "a process of this run was ended from outside, perhaps for want of memory: try fewer workers": (
        "un processus a été arrêté de l’extérieur, peut-être faute de mémoire : essayez avec moins de processus",
        "một tiến trình của lượt chạy bị dừng từ bên ngoài, có thể do thiếu bộ nhớ: hãy thử với ít tiến trình hơn",
    ),
    "is sent as {a}": ("est envoyé en {a}", "được gửi dạng {a}"),
    "is valid JSON": ("est du JSON valable", "là JSON hợp lệ"),
    "is an object in JSON": ("est un objet JSON", "là đối tượng JSON"),
    "is an address of this server": ("est une adresse de ce serveur", "là địa chỉ của máy chủ này"),
    "is asked for with a method that this address knows, such as GET": (
        "est demandé par une méthode que cette adresse connaît, comme GET",
        "được gọi bằng phương thức mà địa chỉ này biết, như GET",
    ),
    "is a column with values of both cities": (
        "est une colonne renseignée dans les deux villes",
        "là cột có giá trị ở cả hai thành phố",
    ),
    "has numbers or names to compare": ("a des nombres ou des noms à comparer", "có số hoặc tên để so sánh"),
    "column is present": ("la colonne existe", "có cột này"),
    "value is present": ("la valeur est renseignée", "có giá trị"),
    "values are unique": ("les valeurs sont uniques", "các giá trị không trùng nhau"),
    "ids are unique": ("les identifiants sont uniques", "các mã không trùng nhau"),
    "index is integer": ("l’index est entier", "chỉ mục là số nguyên"),
    "is packed": ("est une suite de nombres de même longueur", "là dãy số có cùng độ dài"),
    "is integer": ("est un entier", "là số nguyên"),
    "is float": ("est un nombre", "là số thực"),
    "is string": ("est un texte", "là văn bản"),
    "is boolean": ("est vrai ou faux", "là đúng hoặc sai"),
    "is time": ("est un instant", "là thời điểm"),
    "is category": ("est une catégorie", "là một loại"),
    "is category {a}": ("est une catégorie parmi {a}", "là một loại trong số {a}"),
    "is geometry": ("est une géométrie", "là hình học"),
    "geometry is {a}": ("la géométrie est {a}", "hình học là {a}"),
    "geometry is not empty": ("la géométrie n’est pas vide", "hình học không rỗng"),
    "geometry is valid": ("la géométrie est valide", "hình học hợp lệ"),
    "coordinates are finite": ("les coordonnées sont finies", "tọa độ hữu hạn"),
    "occurs in {a}": ("figure dans {a}", "có trong {a}"),
    "table {a} is present": ("la table {a} existe", "có bảng {a}"),
    "is finite": ("est fini", "là hữu hạn"),
    "is GeoJSON, or a list of [longitude, latitude]": (
        "est du GeoJSON, ou une liste de [longitude, latitude]",
        "là GeoJSON, hoặc danh sách [kinh độ, vĩ độ]",
    ),
    "has places, all of them finite": ("a des positions, toutes finies", "có các vị trí, đều hữu hạn"),
    "does not cross itself ({a})": ("ne se recoupe pas ({a})", "không tự cắt ({a})"),
    "does not cross itself": ("ne se recoupe pas", "không tự cắt"),
    "is a {a}, not a {b}": ("est un {a}, non un {b}", "là {a}, không phải {b}"),
    "is GeoJSON, a file of it, or a list of what is drawn": (
        "est du GeoJSON, un fichier de ce format, ou une liste de ce qui est dessiné",
        "là GeoJSON, tệp GeoJSON, hoặc danh sách những gì được vẽ",
    ),
    "has something drawn": ("a un dessin", "có hình vẽ"),
    "has at most {a} features": ("a au plus {a} objets", "có nhiều nhất {a} đối tượng"),
    "lies in the city": ("se trouve dans la ville", "nằm trong thành phố"),
    "lie in the city": ("se trouvent dans la ville", "nằm trong thành phố"),
    "lies within {a}": ("se trouve dans {a}", "nằm trong {a}"),
    "is a ward of this city: {a}": ("est un quartier de cette ville : {a}", "là phường của thành phố này: {a}"),
    'says which: ids, name, within, ward, where, or "all"': (
        'dit lesquels : ids, name, within, ward, where, ou "all"',
        'nói rõ cái nào: ids, name, within, ward, where hoặc "all"',
    ),
    "has rows to choose from; {a} has no {b} yet": (
        "a des lignes à choisir ; {a} n’a pas encore de {b}",
        "có dòng để chọn; {a} chưa có {b}",
    ),
    "have names; choose them by ids, within, ward or where": (
        "ont des noms ; choisissez par ids, within, ward ou where",
        "có tên; hãy chọn theo ids, within, ward hoặc where",
    ),
    "selects at least one of {a}: {b}": ("désigne au moins un élément de {a} : {b}", "chọn ít nhất một trong {a}: {b}"),
    "holds numbers, to be between others": (
        "contient des nombres, à borner par d’autres",
        "chứa số, để nằm giữa các số khác",
    ),
    "is a column of {a}": ("est une colonne de {a}", "là cột của {a}"),
    "has an area or a ward, one of them": (
        "a une surface ou un quartier, l’un des deux",
        "có vùng hoặc phường, một trong hai",
    ),
    "is a bridge or a tunnel, not both (feature {a})": (
        "est un pont ou un tunnel, pas les deux (objet {a})",
        "là cầu hoặc hầm, không phải cả hai (đối tượng {a})",
    ),
    "is not there yet: a road already runs where these are drawn": (
        "n’existe pas encore : une voie passe déjà où celles-ci sont dessinées",
        "chưa có: đã có đường ở nơi vẽ những đường này",
    ),
    "says what changes: lanes, speed_km_h, width_m, capacity_veh_h, opened, closed, direction": (
        "dit ce qui change : lanes, speed_km_h, width_m, capacity_veh_h, opened, closed, direction",
        "nói rõ thay đổi gì: lanes, speed_km_h, width_m, capacity_veh_h, opened, closed, direction",
    ),
    "opens or closes each mode, not both: {a}": (
        "ouvre ou ferme chaque mode, pas les deux : {a}",
        "mở hoặc đóng mỗi phương tiện, không cả hai: {a}",
    ),
    "have an opposite direction that can be opened or closed": (
        "ont un sens opposé que l’on peut ouvrir ou fermer",
        "có chiều ngược lại có thể mở hoặc đóng",
    ),
    "has from_time and to_time, or neither": (
        "a from_time et to_time, ou aucun des deux",
        "có cả from_time và to_time, hoặc không có cái nào",
    ),
    "has times up to 24:00": ("a des heures jusqu’à 24:00", "có giờ đến 24:00"),
    'is a time of day, such as "07:30"': ('est une heure, par exemple "07:30"', 'là giờ trong ngày, ví dụ "07:30"'),
    "is the id of a stop, or a place": (
        "est l’identifiant d’un arrêt, ou une position",
        "là mã của trạm dừng, hoặc một vị trí",
    ),
    "has its last departure after its first; after midnight hours count on, such as 25:30": (
        "a son dernier départ après le premier ; après minuit les heures continuent, par exemple 25:30",
        "có chuyến cuối sau chuyến đầu; sau nửa đêm giờ đếm tiếp, ví dụ 25:30",
    ),
    "says what changes, or remove = true": (
        "dit ce qui change, ou remove = true",
        "nói rõ thay đổi gì, hoặc remove = true",
    ),
    "has a headway or a factor, not both": (
        "a un intervalle ou un facteur, pas les deux",
        "có giãn cách hoặc hệ số, không phải cả hai",
    ),
    "is known of lines whose headway changes by a factor (else give headway_min)": (
        "est connu pour les lignes dont l’intervalle change d’un facteur (sinon indiquez headway_min)",
        "đã biết ở các tuyến đổi giãn cách theo hệ số (nếu không hãy ghi headway_min)",
    ),
    "is after the first departure": ("est après le premier départ", "là sau chuyến đầu tiên"),
    "are open to {a}: draw the course instead": (
        "sont ouvertes au mode {a} : dessinez plutôt le tracé",
        "mở cho {a}: hãy vẽ lộ trình",
    ),
    "lie within {a} m of a street open to {b}": (
        "se trouvent à moins de {a} m d’une rue ouverte au mode {b}",
        "nằm trong vòng {a} m quanh một đường mở cho {b}",
    ),
    "lie at different junctions": ("se trouvent à des carrefours différents", "nằm ở các nút giao khác nhau"),
    "stand where nothing is built yet (demolish these first, or set replace = true)": (
        "sont là où rien n’est encore bâti (démolissez d’abord ceux-ci, ou mettez replace = true)",
        "đứng ở nơi chưa xây gì (hãy phá dỡ trước, hoặc đặt replace = true)",
    ),
    "says what changes: function, storeys, storeys_added, height_m or year_built": (
        "dit ce qui change : function, storeys, storeys_added, height_m ou year_built",
        "nói rõ thay đổi gì: function, storeys, storeys_added, height_m hoặc year_built",
    ),
    "has one of storeys, storeys_added and height_m": (
        "a un seul de storeys, storeys_added et height_m",
        "chỉ có một trong storeys, storeys_added và height_m",
    ),
    "is known of buildings to be resized": (
        "est connu pour les bâtiments à redimensionner",
        "đã biết ở các công trình đổi kích thước",
    ),
    "leaves 1 to 200 storeys": ("laisse de 1 à 200 niveaux", "còn từ 1 đến 200 tầng"),
    "says what grows: residents_growth, residents_total, jobs_growth or jobs_total": (
        "dit ce qui croît : residents_growth, residents_total, jobs_growth ou jobs_total",
        "nói rõ cái gì tăng: residents_growth, residents_total, jobs_growth hoặc jobs_total",
    ),
    "has a share or a total, not both": (
        "a une part ou un total, pas les deux",
        "có tỷ lệ hoặc tổng số, không phải cả hai",
    ),
    "have room for {a}: homes or workplaces of known floor area": (
        "ont de la place pour {a} : logements ou lieux de travail de surface connue",
        "có chỗ cho {a}: nhà ở hoặc nơi làm việc có diện tích sàn đã biết",
    ),
    "says car_share, motorbike_share or both": (
        "dit car_share, motorbike_share ou les deux",
        "ghi car_share, motorbike_share hoặc cả hai",
    ),
    "says roof_share, facade_share or both": (
        "dit roof_share, facade_share ou les deux",
        "ghi roof_share, facade_share hoặc cả hai",
    ),
    "says rating_kva, raised_m or both": (
        "dit rating_kva, raised_m ou les deux",
        "ghi rating_kva, raised_m hoặc cả hai",
    ),
    "says diameter_m, manning_n or both": (
        "dit diameter_m, manning_n ou les deux",
        "ghi diameter_m, manning_n hoặc cả hai",
    ),
    "says area, covers or both": ("dit area, covers ou les deux", "ghi area, covers hoặc cả hai"),
    "says either imperviousness or factor": (
        "dit imperviousness ou factor, l’un des deux",
        "ghi imperviousness hoặc factor, một trong hai",
    ),
    "says either crest_m or height_m": (
        "dit crest_m ou height_m, l’un des deux",
        "ghi crest_m hoặc height_m, một trong hai",
    ),
    "holds the middle of at least one cell of the ground, of these covers": (
        "contient le centre d’au moins une maille du sol, de ces occupations",
        "chứa tâm của ít nhất một ô mặt đất thuộc các loại phủ này",
    ),
    "holds the middle of at least one cell of the terrain, and ends within it": (
        "contient le centre d’au moins une maille du terrain, et s’arrête à l’intérieur",
        "chứa tâm của ít nhất một ô địa hình, và kết thúc bên trong",
    ),
    "is wide enough: with sides of 1:{a} it gets {b} m deep at most": (
        "est assez large : avec des talus de 1:{a} il n’atteint que {b} m",
        "đủ rộng: với mái dốc 1:{a} chỉ sâu được {b} m",
    ),
    "has no buildings in it; set demolish = true to take them away": (
        "ne contient aucun bâtiment ; mettez demolish = true pour les enlever",
        "không có công trình bên trong; đặt demolish = true để dỡ bỏ",
    ),
    "has roads in it, which stay as they are": (
        "contient des voies, qui restent telles quelles",
        "có đường bên trong, được giữ nguyên",
    ),
    "is above the ground somewhere along the line, which lies at {a} m or higher": (
        "dépasse quelque part le sol le long de la ligne, qui est à {a} m ou plus",
        "cao hơn mặt đất ở đâu đó dọc tuyến, vốn ở cao độ {a} m trở lên",
    ),
    "the ground is as high already along {a} of the line": (
        "le sol est déjà aussi haut sur {a} de la ligne",
        "mặt đất đã cao bằng trên {a} chiều dài tuyến",
    ),
    "says {a}, pathway or weather_of": ("dit {a}, pathway ou weather_of", "ghi {a}, pathway hoặc weather_of"),
    "is relative to {a}; source: {b} (compared with the publication)": (
        "est relatif à {a} ; source : {b} (comparé à la publication)",
        "so với {a}; nguồn: {b} (đã đối chiếu với ấn phẩm)",
    ),
    "is relative to {a}; source: {b} (not compared yet with the publication)": (
        "est relatif à {a} ; source : {b} (pas encore comparé à la publication)",
        "so với {a}; nguồn: {b} (chưa đối chiếu với ấn phẩm)",
    ),
    "is a place whose climate is known ({a})": (
        "est un lieu dont le climat est connu ({a})",
        "là nơi đã biết khí hậu ({a})",
    ),
    "is a typical year made from the normals of {a}; source: {b} (compared with the publication)": (
        "est une année type tirée des normales de {a} ; source : {b} (comparées à la publication)",
        "là năm điển hình lập từ số liệu khí hậu của {a}; nguồn: {b} (đã đối chiếu với ấn phẩm)",
    ),
    "is a typical year made from the normals of {a}; source: {b} (not compared yet with the publication)": (
        "est une année type tirée des normales de {a} ; source : {b} (pas encore comparées à la publication)",
        "là năm điển hình lập từ số liệu khí hậu của {a}; nguồn: {b} (chưa đối chiếu với ấn phẩm)",
    ),
    "leaves out what is for design storms, as hyetograph is given: {a}": (
        "omet ce qui vaut pour les pluies de projet, puisque hyetograph est donné : {a}",
        "bỏ những gì dành cho mưa thiết kế, vì đã có hyetograph: {a}",
    ),
    "says either station or curve": ("dit station ou curve, l’un des deux", "ghi station hoặc curve, một trong hai"),
    'says return_period_years, curve, hyetograph, or depth_mm with shape = "block"': (
        'dit return_period_years, curve, hyetograph, ou depth_mm avec shape = "block"',
        'ghi return_period_years, curve, hyetograph, hoặc depth_mm với shape = "block"',
    ),
    "has a duration that is a whole number of steps": (
        "a une durée qui est un nombre entier de pas",
        "có thời gian là số nguyên lần bước",
    ),
    "has 1 to {a} steps": ("a de 1 à {a} pas", "có từ 1 đến {a} bước"),
    "has no rain below zero": ("n’a pas de pluie négative", "không có mưa âm"),
    "has two steps or more, the first at 0 s or later": (
        "a au moins deux pas, le premier à 0 s ou après",
        "có ít nhất hai bước, bước đầu ở 0 s hoặc sau đó",
    ),
    "is at most {a} min for this formula": (
        "vaut au plus {a} min pour cette formule",
        "nhiều nhất {a} phút với công thức này",
    ),
    "constants of heavy rain of {a} were not compared with their standard ({b})": (
        "les constantes de pluie de {a} n’ont pas été comparées à leur norme ({b})",
        "hằng số mưa của {a} chưa được đối chiếu với tiêu chuẩn ({b})",
    ),
    "has constants of heavy rain, or give curve: {rule}": (
        "a des constantes de pluie, sinon indiquez curve : {rule}",
        "có hằng số mưa, hoặc ghi curve: {rule}",
    ),
    "within {a} km; there are {b}": ("à moins de {a} km ; il y a {b}", "trong vòng {a} km; hiện có {b}"),
    "{a}; there are {b}": ("{a} ; il y a {b}", "{a}; hiện có {b}"),
    "{rule}, for {a}; or give curve": ("{rule}, pour {a} ; ou indiquez curve", "{rule}, cho {a}; hoặc ghi curve"),
    "is at most {a} years, and not so short that the formula gives no rain": (
        "vaut au plus {a} ans, et pas si court que la formule ne donne aucune pluie",
        "nhiều nhất {a} năm, và không ngắn đến mức công thức không cho mưa",
    ),
    "is one of {a} years": ("est l’un de {a} ans", "là một trong {a} năm"),
}
"""French and Vietnamese by English; letters in braces stand for what a rule speaks of, ``rule`` for another rule."""
