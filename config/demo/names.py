"""People's names in many scripts, each with the Latin spelling that its owner uses in e-mail addresses.

Family names that change with gender are left out, so that every given name goes with every family name.
"""

from __future__ import annotations

from dataclasses import dataclass

MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6


@dataclass(frozen=True)
class Culture:
    """`given` and `family` list `name=latin`; `share` is how many people it has against the others."""

    region: str
    zones: tuple[str, ...]
    given: str
    family: str
    share: int = 2
    weekend: tuple[int, int] = (SATURDAY, SUNDAY)

    def people(self) -> list[tuple[str, str, str]]:
        """All pairs as (first name, last name, Latin spelling `first.last`)."""
        return [
            (first, last, f"{first_latin}.{last_latin}")
            for first, first_latin in pairs(self.given)
            for last, last_latin in pairs(self.family)
        ]


def pairs(text: str) -> list[tuple[str, str]]:
    split = (item.strip().partition("=") for item in text.split(","))
    return [(name, latin) for name, _, latin in split]


CULTURES = (
    # Americas
    Culture(
        "americas",
        ("America/Chicago", "America/New_York", "America/Los_Angeles", "America/Denver"),
        "Maya=maya, Callum=callum, Grace=grace, Renée=renee, Owen=owen, Tamsin=tamsin, Zoë=zoe",
        "Whitlock=whitlock, Harrow=harrow, Brooks=brooks, Delaney=delaney, Carver=carver, Ashdown=ashdown",
        share=8,
    ),
    Culture(
        "americas",
        ("America/Mexico_City", "America/Bogota", "America/Lima"),
        "Sofía=sofia, Andrés=andres, Lucía=lucia, Óscar=oscar, Inés=ines, Raúl=raul, Ximena=ximena",
        "Núñez=nunez, Peña=pena, Ibáñez=ibanez, Ávila=avila, Muñoz=munoz, Cárdenas=cardenas",
        share=5,
    ),
    Culture(
        "americas",
        ("America/Sao_Paulo", "America/Manaus"),
        "João=joao, Conceição=conceicao, Thaís=thais, Luís=luis, Beatriz=beatriz, Vinícius=vinicius",
        "Araújo=araujo, Simões=simoes, Falcão=falcao, Magalhães=magalhaes, Brandão=brandao",
        share=4,
    ),
    # Europe, Africa and the Middle East
    Culture(
        "europe",
        ("Europe/Paris", "Europe/Brussels", "Africa/Dakar"),
        "Amélie=amelie, Aurélien=aurelien, Gaël=gael, Chloé=chloe, Jérôme=jerome, Hélène=helene, Maé=mae",
        "Lefèvre=lefevre, Béranger=beranger, Delorme=delorme, Crépin=crepin, Nédélec=nedelec, Vallée=vallee",
        share=3,
    ),
    Culture(
        "europe",
        ("Europe/Berlin", "Europe/Vienna", "Europe/Zurich"),
        "Jürgen=juergen, Käthe=kaethe, Björn=bjoern, Sören=soeren, Lena=lena, Götz=goetz, Heike=heike",
        "Müller=mueller, Schröder=schroeder, Weiß=weiss, Köhler=koehler, Krämer=kraemer, Brückner=brueckner",
        share=4,
    ),
    Culture(
        "europe",
        ("Europe/Dublin", "Europe/London"),
        "Siobhán=siobhan, Pádraig=padraig, Niamh=niamh, Ciarán=ciaran, Sinéad=sinead, Eoghan=eoghan",
        "Ó Briain=obriain, O’Sullivan=osullivan, Byrne=byrne, Doyle=doyle, Lloyd-Rees=lloyd-rees",
        share=3,
    ),
    Culture(
        "europe",
        ("Europe/Warsaw",),
        "Łukasz=lukasz, Małgorzata=malgorzata, Paweł=pawel, Żaneta=zaneta, Sławomir=slawomir, Ewa=ewa",
        "Wójcik=wojcik, Dąbek=dabek, Gołąb=golab, Zięba=zieba, Wróbel=wrobel, Mróz=mroz",
        share=3,
    ),
    Culture(
        "europe",
        ("Europe/Bucharest",),
        "Ștefan=stefan, Ioana=ioana, Mălina=malina, Răzvan=razvan, Cătălina=catalina",
        "Țurcanu=turcanu, Bălan=balan, Stănescu=stanescu, Mureșan=muresan, Crăciun=craciun",
    ),
    Culture(
        "europe",
        ("Europe/Stockholm", "Europe/Copenhagen", "Europe/Oslo", "Europe/Helsinki"),
        "Åsa=asa, Søren=soren, Märta=marta, Jørn=jorn, Ingrid=ingrid, Håkon=hakon, Eeva=eeva, Väinö=vaino",
        "Sjöberg=sjoberg, Bjørnstad=bjornstad, Østergaard=ostergaard, Mäkinen=makinen, Nygård=nygard",
        share=3,
    ),
    Culture(
        "europe",
        ("Europe/Istanbul",),
        "Gökçe=gokce, Şule=sule, Çağrı=cagri, Ömer=omer, İpek=ipek, Barış=baris, Uğur=ugur",
        "Yıldız=yildiz, Çelik=celik, Öztürk=ozturk, Güneş=gunes, Şimşek=simsek, Kılıç=kilic",
    ),
    Culture(
        "europe",
        ("Africa/Lagos",),
        "Adébáyọ̀=adebayo, Fọlákẹ́=folake, Chídíébéré=chidiebere, Ngọzi=ngozi, Olúwaṣeun=oluwaseun, Obi=obi",
        "Ọlátúnjí=olatunji, Adéyẹmí=adeyemi, Okonkwo=okonkwo, Nwosu=nwosu, Àjàyí=ajayi, Bámidélé=bamidele",
        share=3,
    ),
    Culture(
        "europe",
        ("Europe/Kyiv",),
        "Олена=olena, Тарас=taras, Оксана=oksana, Богдан=bohdan, Соломія=solomiia, Юрій=yurii, Ігор=ihor",
        "Шевченко=shevchenko, Коваленко=kovalenko, Бондар=bondar, Мельник=melnyk, Гончар=honchar",
        share=3,
    ),
    Culture(
        "europe",
        ("Europe/Belgrade",),
        "Милица=milica, Ђорђе=djordje, Љубица=ljubica, Немања=nemanja, Јелена=jelena, Вук=vuk",
        "Јовановић=jovanovic, Петровић=petrovic, Ђурић=djuric, Живковић=zivkovic, Станковић=stankovic",
    ),
    Culture(
        "europe",
        ("Europe/Athens", "Asia/Nicosia"),
        "Ελένη=eleni, Γιώργος=giorgos, Σοφία=sofia, Νίκος=nikos, Δήμητρα=dimitra, Θάνος=thanos",
        "Αλεξίου=alexiou, Γεωργίου=georgiou, Νικολάου=nikolaou, Ιωάννου=ioannou, Αντωνίου=antoniou",
        share=3,
    ),
    Culture(
        "europe",
        ("Africa/Cairo", "Asia/Amman", "Asia/Riyadh"),
        "ليلى=layla, يوسف=youssef, فاطمة=fatima, عمر=omar, مريم=maryam, خالد=khaled, نور=nour, طارق=tarek",
        "الحداد=alhaddad, منصور=mansour, النجار=alnajjar, حمدان=hamdan, الخطيب=alkhatib, درويش=darwish",
        share=4,
        weekend=(FRIDAY, SATURDAY),
    ),
    Culture(
        "europe",
        ("Asia/Jerusalem",),
        "נועה=noa, איתי=itai, תמר=tamar, יונתן=yonatan, שירה=shira, אורי=uri",
        "כהן=cohen, לוי=levi, מזרחי=mizrahi, ביטון=biton, שפירא=shapira, גולן=golan",
        share=3,
        weekend=(FRIDAY, SATURDAY),
    ),
    Culture(
        "europe",
        ("Africa/Addis_Ababa",),
        "ሰላም=selam, አበበ=abebe, ሜሮን=meron, ዳዊት=dawit, ትዕግስት=tigist, ዮናስ=yonas",
        "ተስፋዬ=tesfaye, በቀለ=bekele, መኮንን=mekonnen, ግርማ=girma, ወልዴ=wolde",
    ),
    Culture(
        "europe",
        ("Asia/Tbilisi",),
        "ნინო=nino, გიორგი=giorgi, თამარ=tamar, ლევან=levan, მარიამ=mariam",
        "ბერიძე=beridze, კაპანაძე=kapanadze, გელაშვილი=gelashvili, ლომიძე=lomidze, წერეთელი=tsereteli",
    ),
    Culture(
        "europe",
        ("Asia/Yerevan",),
        "Անի=ani, Արամ=aram, Նարե=nare, Տիգրան=tigran, Լուսինե=lusine",
        "Սարգսյան=sargsyan, Հակոբյան=hakobyan, Գրիգորյան=grigoryan, Պետրոսյան=petrosyan",
    ),
    # Asia and the Pacific
    Culture(
        "asia",
        ("Asia/Singapore", "Asia/Shanghai", "Asia/Taipei"),
        "伟=wei, 静怡=jingyi, 子轩=zixuan, 晓明=xiaoming, 雅婷=yating, 浩然=haoran, 思远=siyuan, 丽娜=lina",
        "王=wang, 李=li, 张=zhang, 陈=chen, 刘=liu, 黄=huang, 欧阳=ouyang",
        share=5,
    ),
    Culture(
        "asia",
        ("Asia/Tokyo",),
        "さくら=sakura, 健太=kenta, 美咲=misaki, 翔太=shota, 陽子=yoko, 大輔=daisuke, マリ=mari, 直樹=naoki",
        "佐藤=sato, 鈴木=suzuki, 高橋=takahashi, 渡辺=watanabe, 山本=yamamoto, 小林=kobayashi",
        share=4,
    ),
    Culture(
        "asia",
        ("Asia/Seoul",),
        "민준=minjun, 서연=seoyeon, 지훈=jihoon, 하은=haeun, 도윤=doyun, 수빈=subin, 현우=hyunwoo",
        "김=kim, 이=lee, 박=park, 최=choi, 정=jung, 강=kang, 윤=yoon",
        share=4,
    ),
    Culture(
        "asia",
        ("Asia/Kolkata", "Asia/Kathmandu"),
        "अनिता=anita, रोहन=rohan, प्रिया=priya, अर्जुन=arjun, सुनीता=sunita, विक्रम=vikram, कविता=kavita",
        "शर्मा=sharma, वर्मा=verma, गुप्ता=gupta, जोशी=joshi, मिश्रा=mishra, थापा=thapa, पाटिल=patil",
        share=5,
    ),
    Culture(
        "asia",
        ("Asia/Bangkok",),
        "สมชาย=somchai, ปิยะ=piya, ธนากร=thanakorn, อรุณี=arunee, วิชัย=wichai, มาลี=malee",
        "ใจดี=jaidee, ศรีสุข=srisuk, บุญมา=boonma, ทองดี=thongdee, แสงทอง=saengthong",
        share=3,
    ),
    Culture(
        "asia",
        ("Asia/Ho_Chi_Minh",),
        "Hương=huong, Minh=minh, Thảo=thao, Đức=duc, Quỳnh=quynh, Tuấn=tuan, Ngọc=ngoc",
        "Nguyễn=nguyen, Trần=tran, Lê=le, Phạm=pham, Đặng=dang, Võ=vo",
        share=3,
    ),
    Culture(
        "asia",
        ("Asia/Colombo",),
        "கவிதா=kavitha, முருகன்=murugan, மீனா=meena, செல்வம்=selvam, குமரன்=kumaran",
        "ராஜன்=rajan, பாலன்=balan, நடராஜன்=natarajan, சுந்தரம்=sundaram, வேலு=velu",
    ),
    Culture(
        "asia",
        ("Asia/Dhaka",),
        "রহিমা=rahima, তানভীর=tanvir, শর্মিলা=sharmila, সুব্রত=subrata, নাসরিন=nasrin",
        "রহমান=rahman, চৌধুরী=chowdhury, সরকার=sarkar, হোসেন=hossain, দাস=das",
    ),
    Culture(
        "asia",
        ("Asia/Almaty",),
        "Айгерім=aigerim, Нұрлан=nurlan, Әсел=asel, Данияр=daniyar, Гүлнар=gulnar, Ержан=yerzhan",
        "Жұмабай=zhumabay, Нұрпейіс=nurpeiis, Сәтбай=satbay, Қасым=kassym",
    ),
    Culture(
        "asia",
        ("Pacific/Auckland", "Australia/Sydney"),
        "Hēmi=hemi, Māia=maia, Tāne=tane, Anahera=anahera, Wiremu=wiremu, Rāwiri=rawiri",
        "Pōtae=potae, Parata=parata, Rēweti=reweti, Hōhepa=hohepa, Wātene=watene",
    ),
)
